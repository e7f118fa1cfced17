//! The person who is signed in at this browser.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use crate::db::DbError;
use crate::error::AppError;
use crate::sessions::{LiveSession, Session, SessionKey, SessionService};
use crate::users::User;
use crate::web::language::AccountLanguage;
use crate::web::service;
use crate::web::session::BrowserSession;

/// The person who is signed in at this browser, if any, as the database has them: disabling an account or revoking a role
/// takes effect at once. A page without a query may come from memory, where a change by another instance takes effect
/// within a second; a query has the notice of a form that was just sent.
pub struct MaybeUser(pub Option<CurrentUser>);

/// A person who is signed in.
#[derive(Clone)]
pub struct CurrentUser {
    /// The account.
    pub user: User,
    /// The current roles.
    pub roles: Vec<String>,
    /// The session.
    pub session: Session,
}

impl CurrentUser {
    /// The owner of a live session; `None` when the account is disabled or deleted.
    #[must_use]
    pub fn of(live: &LiveSession) -> Option<Self> {
        let user = live.active_user()?.clone();
        Some(Self { user, roles: live.owned.roles.clone(), session: live.owned.session.clone() })
    }

    /// Finds the person who is signed in at this browser, in the database if `is_exact`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn find(
        request: &HttpRequest,
        session: &BrowserSession,
        is_exact: bool,
    ) -> Result<Option<Self>, DbError> {
        let Some(secret) = session.secret() else { return Ok(None) };
        let (sessions, key) = (service::<SessionService>(request), SessionKey::Secret(secret.hash()));
        let live = if is_exact { sessions.read_live(key).await? } else { sessions.find_live(key).await? };
        let found = live.as_deref().and_then(Self::of);
        if let Some(language) = found.as_ref().and_then(|current| current.user.language.clone()) {
            request.extensions_mut().insert(AccountLanguage(language));
        }
        Ok(found)
    }

    /// [`Self::find`], in the database unless the request opens a page without a query.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn find_for_page(request: &HttpRequest, session: &BrowserSession) -> Result<Option<Self>, DbError> {
        let is_exact = !request.method().is_safe() || !request.query_string().is_empty();
        Self::find(request, session, is_exact).await
    }
}

impl FromRequest for MaybeUser {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let session = BrowserSession::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move { Ok(Self(CurrentUser::find_for_page(&request, &session.await?).await?)) })
    }
}
