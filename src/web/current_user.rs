//! The person who is signed in at this browser.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use crate::db::{DbConnection, DbError};
use crate::error::AppError;
use crate::sessions::{self, Session, SessionService};
use crate::users::{self, User, UserState};
use crate::web::language::AccountLanguage;
use crate::web::service;
use crate::web::session::BrowserSession;

/// The person who is signed in at this browser, if any. Read from the database at each request, so disabling an account
/// or revoking a role takes effect at once.
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
    /// Reads the owner of a live session; `None` when the account is disabled or deleted.
    pub fn read(conn: &mut DbConnection, session: Session) -> Result<Option<Self>, DbError> {
        let Some(user_id) = session.user_id else { return Ok(None) };
        let user = users::find_by_id(conn, user_id)?.filter(|user| user.state == UserState::Active);
        let Some(user) = user else { return Ok(None) };
        let roles = users::list_roles(conn, user_id)?;
        Ok(Some(Self { user, roles, session }))
    }
}

impl FromRequest for MaybeUser {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let session = BrowserSession::from_request(request, payload);
        let sessions = service::<SessionService>(request).clone();
        let request = request.clone();
        Box::pin(async move {
            let Some(secret) = session.await?.secret() else { return Ok(Self(None)) };
            let find = move |conn: &mut _| sessions::find_by_secret(conn, &secret.hash());
            let found = sessions.read_live(find, CurrentUser::read).await?;
            if let Some(language) = found.as_ref().and_then(|current| current.user.language.clone()) {
                request.extensions_mut().insert(AccountLanguage(language));
            }
            Ok(Self(found))
        })
    }
}
