//! Who may open these pages, and whom they may change.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use askama::Template;

use crate::account_pages::{AccountContext, AccountRequest, SignInRedirect};
use crate::config::{Config, RegistrationMode};
use crate::db::{DbConnection, DbError};
use crate::error::AppError;
use crate::mail::Outbox;
use crate::sessions;
use crate::users::{self, ADMIN_ROLE, User, UserId, UserState};
use crate::web::service;
use crate::web::session::BrowserSession;

/// What a person may do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffLevel {
    /// Everything.
    Admin,
    /// Help users who have neither the admin role nor the support role.
    Support,
}

impl StaffLevel {
    /// The level that these roles give.
    pub fn of(roles: &[String], support_role: Option<&str>) -> Option<Self> {
        if roles.iter().any(|role| role == ADMIN_ROLE) {
            return Some(Self::Admin);
        }
        let has_support = support_role.is_some_and(|support| roles.iter().any(|role| role == support));
        has_support.then_some(Self::Support)
    }

    /// Whether this level may help a user with these roles.
    pub fn may_help(self, roles: &[String], support_role: Option<&str>) -> bool {
        self == Self::Admin || Self::of(roles, support_role).is_none()
    }
}

/// The sender of a request to one of these pages.
pub enum StaffRequest {
    /// An administrator, or a member of the support staff.
    Allowed(Box<StaffContext>),
    /// Another user.
    Forbidden,
    /// A browser without a session.
    SignedOut(SignInRedirect),
}

/// A signed-in member of the staff.
pub struct StaffContext {
    pub account: Box<AccountContext>,
    pub level: StaffLevel,
}

impl FromRequest for StaffRequest {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let session = BrowserSession::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            // In the database: a role that was revoked a moment ago, elsewhere, gives no rights here.
            let account = match AccountRequest::read(request.clone(), session.await?).await? {
                AccountRequest::SignedIn(account) => account,
                AccountRequest::SignedOut(sign_in) => return Ok(Self::SignedOut(sign_in)),
            };
            let support_role = service::<Config>(&request).support_role.as_deref();
            Ok(match StaffLevel::of(&account.current.roles, support_role) {
                Some(level) => Self::Allowed(Box::new(StaffContext { account, level })),
                None => Self::Forbidden,
            })
        })
    }
}

/// Why a request gets no page.
pub enum PageRefusal {
    /// The user may not open it.
    Forbidden,
    /// No one is signed in.
    SignedOut(Box<SignInRedirect>),
}

impl PageRefusal {
    /// The response: 403, or the way to the sign-in page and back.
    ///
    /// # Errors
    /// The 403.
    pub fn respond(self) -> Result<HttpResponse, AppError> {
        match self {
            Self::Forbidden => Err(AppError::forbidden()),
            Self::SignedOut(sign_in) => Ok(sign_in.redirect()),
        }
    }
}

impl StaffRequest {
    /// The context of a page for all staff.
    ///
    /// # Errors
    /// The refusal of anyone else.
    pub fn for_staff(self) -> Result<Box<StaffContext>, PageRefusal> {
        match self {
            Self::Allowed(context) => Ok(context),
            Self::Forbidden => Err(PageRefusal::Forbidden),
            Self::SignedOut(sign_in) => Err(PageRefusal::SignedOut(Box::new(sign_in))),
        }
    }

    /// The context of a page for administrators.
    ///
    /// # Errors
    /// The refusal of anyone else.
    pub fn for_admins(self) -> Result<Box<StaffContext>, PageRefusal> {
        let context = self.for_staff()?;
        if context.level == StaffLevel::Admin { Ok(context) } else { Err(PageRefusal::Forbidden) }
    }
}

impl StaffContext {
    /// Who acts, for a check in the transaction of a change.
    pub fn member(&self) -> StaffMember {
        StaffMember {
            user_id: self.account.current.user.id,
            session_id: self.account.current.session.id.clone(),
            support_role: self.account.config.support_role.clone(),
        }
    }

    /// Whether invitations can be mailed.
    pub fn can_invite(&self, outbox: &Outbox) -> bool {
        self.account.config.registration != RegistrationMode::Closed && outbox.is_enabled()
    }

    /// Renders a page with a script. It is not compressed if its address has a query, which another site can choose: the
    /// size would reveal whether the page contains that text (BREACH).
    pub fn page(&self, status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
        let mut response = self.account.page_with_script(status, page)?;
        if !self.account.request.query_string().is_empty() {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
        }
        Ok(response)
    }
}

/// Who changes a user.
#[derive(Clone)]
pub struct StaffMember {
    pub user_id: UserId,
    pub session_id: String,
    pub support_role: Option<String>,
}

/// Whether a change is allowed at the moment of its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    Granted,
    /// The target has rights that the member may not touch, or the action is for administrators.
    Refused,
    /// The member has been signed out, disabled, or lost the role since the request began.
    Lost,
}

impl StaffMember {
    /// Checks again what may have changed since the request began. The caller holds `users::lock_accounts`, without which
    /// no role and no account is changed.
    pub fn check(
        &self,
        conn: &mut DbConnection,
        target: Option<&User>,
        is_for_admins: bool,
    ) -> Result<Permission, DbError> {
        let is_live = sessions::find(conn, &self.session_id)?.is_some_and(|session| session.ended_at.is_none());
        let user = users::find_by_id(conn, self.user_id)?.filter(|user| user.state == UserState::Active);
        let roles = users::list_roles(conn, self.user_id)?;
        let support_role = self.support_role.as_deref();
        let level = user.filter(|_| is_live).and_then(|_| StaffLevel::of(&roles, support_role));
        let Some(level) = level else { return Ok(Permission::Lost) };
        let may_help = match target {
            None => true,
            Some(target) => level.may_help(&users::list_roles(conn, target.id)?, support_role),
        };
        let is_allowed = may_help && (level == StaffLevel::Admin || !is_for_admins);
        Ok(if is_allowed { Permission::Granted } else { Permission::Refused })
    }
}
