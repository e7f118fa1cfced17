//! The context of a request to an account page: the signed-in user, or the redirect to the sign-in page and back.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use askama::Template;

use super::draft::{self, Draft};
use crate::audit::{Cause, Event, EventKind};
use crate::authentication::PasswordAttempt;
use crate::clock::Moment;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::error::AppError;
use crate::mail::{Mail, MailKind, Outbox};
use crate::sessions;
use crate::users::password::{Password, PasswordPolicy};
use crate::users::{LookupName, UserId};
use crate::web::current_user::CurrentUser;
use crate::web::form::Parameters;
use crate::web::form_post;
use crate::web::notice::Notice;
use crate::web::pages::{Layout, html, html_with_script, see_other};
use crate::web::renewal::{self, Renewed};
use crate::web::session::BrowserSession;
use crate::web::{attempt_origin, client_info, csrf, service};

/// The sender of a request to an account page.
pub enum AccountRequest {
    /// The owner of the account.
    SignedIn(Box<AccountContext>),
    /// A browser without a session, or whose session has ended.
    SignedOut(SignInRedirect),
}

/// A signed-in user at a page of their account.
pub struct AccountContext {
    /// The request.
    pub request: HttpRequest,
    /// The session of the browser.
    pub session: BrowserSession,
    /// The user.
    pub current: CurrentUser,
    /// The settings.
    pub config: web::Data<Config>,
    renewed: Renewed,
}

/// A browser that must sign in first.
pub struct SignInRedirect {
    request: HttpRequest,
    session: BrowserSession,
}

impl FromRequest for AccountRequest {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let session = BrowserSession::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let session = session.await?;
            let user = CurrentUser::find_for_page(&request, &session).await?;
            Self::new(request, session, user).await
        })
    }
}

impl AccountRequest {
    /// The sender of a request, as the database has them.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn read(request: HttpRequest, session: BrowserSession) -> Result<Self, AppError> {
        let user = CurrentUser::find(&request, &session, true).await?;
        Self::new(request, session, user).await
    }

    async fn new(request: HttpRequest, session: BrowserSession, user: Option<CurrentUser>) -> Result<Self, AppError> {
        let config = service::<Config>(&request).clone();
        let renewed = match &user {
            Some(current) if request.method() != Method::POST => renewal::renew(&request, &session, current).await?,
            Some(_) => Some(Renewed::default()),
            None => None,
        };
        Ok(match user.zip(renewed) {
            Some((current, renewed)) => {
                Self::SignedIn(Box::new(AccountContext { request, session, current, config, renewed }))
            }
            None => Self::SignedOut(SignInRedirect { request, session }),
        })
    }
}

impl AccountContext {
    /// The layout of the page.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.request)
    }

    /// The CSRF token of a form.
    pub fn csrf(&self) -> String {
        csrf::token(&self.session.csrf_seed_or_new())
    }

    /// The notice that the query names.
    pub fn notice(&self, layout: &Layout) -> Option<String> {
        Notice::in_query(&Parameters::from_query(self.request.query_string()), layout)
    }

    /// Renders a page, with the cookies that the browser lacks.
    pub fn page(&self, status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
        Ok(self.with_cookies(html(status, page)?))
    }

    /// [`Self::page`] for a page with a script.
    pub fn page_with_script(&self, status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
        Ok(self.with_cookies(html_with_script(status, page)?))
    }

    fn with_cookies(&self, mut response: HttpResponse) -> HttpResponse {
        self.renewed.put_on(&mut response, crate::web::config(&self.request));
        response
    }

    /// The policy for new passwords.
    pub fn policy(&self) -> PasswordPolicy {
        PasswordPolicy::new(&self.config)
    }

    /// A re-authentication attempt with this password.
    pub fn attempt(&self, password: Password) -> Option<PasswordAttempt> {
        let username = LookupName::parse(&self.current.user.username)?;
        Some(PasswordAttempt { username, password, origin: attempt_origin(&self.request, None) })
    }

    /// The user as the cause of an event.
    pub fn cause(&self) -> Cause {
        Cause::user(self.current.user.id.0, client_info(&self.request))
    }

    /// An event that the user caused in this session.
    pub fn event(&self, kind: EventKind, now: Moment) -> Event {
        Event {
            session_id: Some(self.current.session.id.clone()),
            ..Event::of_user(kind, self.current.user.id.0, &self.cause(), now)
        }
    }

    /// A mail to the user; `None` when the account has no email address.
    pub fn mail(&self, kind: MailKind) -> Option<Mail> {
        self.current.user.mail(kind)
    }

    /// The mail queue, with the page's language for accounts that have chosen none.
    pub fn outbox(&self, outbox: &Outbox) -> Outbox {
        outbox.with_fallback_language(Some(self.layout().lang))
    }

    /// The text that this user typed into this page's form before their session ended.
    pub fn draft(&self) -> Option<Draft> {
        draft::find(&self.request, self.current.user.id)
    }
}

impl SignInRedirect {
    /// Redirects to the sign-in page, which leads back to this page.
    pub fn redirect(&self) -> HttpResponse {
        let notice = self.session.secret().is_some().then_some(Notice::SessionEnded);
        see_other(&self.sign_in_url(notice))
    }

    /// [`Self::redirect`] after a form post: keeps the text of these fields for the user of the ended session.
    pub async fn redirect_keeping(self, payload: web::Payload, fields: &[&str]) -> Result<HttpResponse, AppError> {
        // A same-origin post may have a stale CSRF token, from before a sign-out in another tab: nothing is changed.
        let form = form_post::read(&self.request, payload, &self.session, true).await?;
        if form.rejection.is_some() {
            return Ok(self.redirect());
        }
        let Some(owner) = self.find_owner().await? else { return Ok(self.redirect()) };
        let mut response = see_other(&self.sign_in_url(Some(Notice::DraftKept)));
        Draft::new(self.request.path(), owner, &form.parameters, fields).set_cookie(&mut response, &self.request)?;
        Ok(response)
    }

    /// The user of the session that this browser had.
    async fn find_owner(&self) -> Result<Option<UserId>, DbError> {
        let Some(secret) = self.session.secret() else { return Ok(self.session.last_user()) };
        let find = move |conn: &mut _| -> Result<_, DbError> { Ok(sessions::find_by_secret(conn, &secret.hash())?) };
        let session = service::<Db>(&self.request).read(find).await?;
        Ok(session.and_then(|session| session.user_id))
    }

    fn sign_in_url(&self, notice: Option<Notice>) -> String {
        let next = Some(self.request.path()).filter(|path| *path != "/").map(|path| format!("next={path}"));
        let notice = notice.map(|notice| format!("notice={}", notice.code()));
        let query: Vec<String> = notice.into_iter().chain(next).collect();
        if query.is_empty() { "/login".to_owned() } else { format!("/login?{}", query.join("&")) }
    }
}
