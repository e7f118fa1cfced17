//! What every page of the account begins with: who is signed in, or the way to the sign-in page and back, with what was typed kept.
//! What may not live here: what a page is for.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use askama::Template;

use super::draft::{self, Draft};
use crate::audit::{Event, EventKind};
use crate::authentication::PasswordAttempt;
use crate::clock::Moment;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::error::AppError;
use crate::mail::{Mail, MailKind, Outbox};
use crate::sessions;
use crate::users::password::{Password, PasswordPolicy};
use crate::users::{LookupName, UserId};
use crate::web::current_user::{CurrentUser, MaybeUser};
use crate::web::form::Parameters;
use crate::web::form_post;
use crate::web::notice::Notice;
use crate::web::pages::{Layout, html, see_other};
use crate::web::renewal::{self, Renewed};
use crate::web::session::BrowserSession;
use crate::web::{attempt_origin, client_info, csrf, new_password, service};

/// Somebody at a page of the account.
pub enum AccountRequest {
    /// Whose account it is.
    SignedIn(Box<AccountContext>),
    /// Nobody, or nobody any more.
    SignedOut(SignInRedirect),
}

/// A person at a page of their account.
pub struct AccountContext {
    pub request: HttpRequest,
    pub session: BrowserSession,
    pub current: CurrentUser,
    pub config: web::Data<Config>,
    renewed: Renewed,
}

/// Somebody who must sign in first.
pub struct SignInRedirect {
    request: HttpRequest,
    session: BrowserSession,
}

impl FromRequest for AccountRequest {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (session, user) =
            (BrowserSession::from_request(request, payload), MaybeUser::from_request(request, payload));
        let request = request.clone();
        Box::pin(async move {
            let (session, MaybeUser(user)) = (session.await?, user.await?);
            let config = service::<Config>(&request).clone();
            let renewed = match &user {
                Some(current) if request.method() != Method::POST => {
                    renewal::renew(&request, &session, current).await?
                }
                Some(_) => Some(Renewed::default()),
                None => None,
            };
            Ok(match user.zip(renewed) {
                Some((current, renewed)) => {
                    Self::SignedIn(Box::new(AccountContext { request, session, current, config, renewed }))
                }
                None => Self::SignedOut(SignInRedirect { request, session }),
            })
        })
    }
}

impl AccountContext {
    /// The frame of a page.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.request)
    }

    /// The token of a form.
    ///
    /// # Errors
    /// 500 when the cookie cannot be written, which text does not cause.
    pub fn csrf(&self) -> Result<String, AppError> {
        Ok(csrf::token(&self.session.csrf_seed_or_new()?))
    }

    /// What the page tells on account.
    pub fn notice(&self, layout: &Layout) -> Option<String> {
        Notice::in_query(&Parameters::from_query(self.request.query_string()), layout)
    }

    /// A page as an answer, with what the browser lacks.
    ///
    /// # Errors
    /// 500 when it cannot be rendered, or the access token is too long for a cookie.
    pub fn page(&self, status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
        self.put_on(html(status, page)?)
    }

    /// The same for a page with the field for a new password.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub fn page_with_script(&self, status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
        self.put_on(new_password::html(status, page)?)
    }

    fn put_on(&self, mut response: HttpResponse) -> Result<HttpResponse, AppError> {
        self.renewed.put_on(&mut response, crate::web::config(&self.request))?;
        Ok(response)
    }

    /// The rule on new passwords.
    pub fn policy(&self) -> PasswordPolicy {
        PasswordPolicy::new(&self.config)
    }

    /// An attempt to re-authenticate with this password.
    pub fn attempt(&self, password: Password) -> Option<PasswordAttempt> {
        let username = LookupName::parse(&self.current.user.username)?;
        Some(PasswordAttempt { username, password, origin: attempt_origin(&self.request, None) })
    }

    /// Something that the person did here.
    pub fn event(&self, kind: EventKind, now: Moment) -> Event {
        Event {
            session_id: Some(self.current.session.id.clone()),
            ..Event::of_user(kind, self.current.user.id.0, &client_info(&self.request), now)
        }
    }

    /// A mail to the person; `None` when nobody knows where it would reach them.
    pub fn mail(&self, kind: MailKind) -> Option<Mail> {
        let user = &self.current.user;
        let (display_name, language) = (user.display_name.clone(), user.language.clone());
        Some(Mail { kind, to: user.email.clone()?, display_name, language, user_id: Some(user.id.0) })
    }

    /// The mail queue, for mails in the page's language where the account has chosen none.
    pub fn outbox(&self, outbox: &Outbox) -> Outbox {
        outbox.with_fallback_language(Some(self.layout().lang))
    }

    /// What this person typed into the form here before their session ended.
    pub fn draft(&self) -> Option<Draft> {
        draft::find(&self.request, self.current.user.id)
    }
}

impl SignInRedirect {
    /// The way to the sign-in page and, from there, back to this one.
    pub fn redirect(&self) -> HttpResponse {
        let notice = self.session.secret().is_some().then_some(Notice::SessionEnded);
        see_other(&self.sign_in_address(notice))
    }

    /// The same for somebody who sent a form: the text of these fields is kept for whoever's session it was.
    ///
    /// # Errors
    /// When the body does not come, or the database gives no answer.
    pub async fn redirect_keeping(self, payload: web::Payload, fields: &[&str]) -> Result<HttpResponse, AppError> {
        // The token is from before a sign-out in another tab; that the browser vouches for the form is enough where nothing is changed.
        let form = form_post::read(&self.request, payload, &self.session, true).await?;
        if form.refusal.is_some() {
            return Ok(self.redirect());
        }
        let Some(owner) = self.find_owner().await? else { return Ok(self.redirect()) };
        let mut response = see_other(&self.sign_in_address(Some(Notice::TextKept)));
        Draft::new(self.request.path(), owner, &form.parameters, fields).put_on(&mut response, &self.request)?;
        Ok(response)
    }

    /// Whose session it was that this browser has no more.
    async fn find_owner(&self) -> Result<Option<UserId>, DbError> {
        let Some(secret) = self.session.secret() else { return Ok(self.session.last_user()) };
        let find = move |conn: &mut _| -> Result<_, DbError> { Ok(sessions::find_by_secret(conn, &secret.hash())?) };
        let session = service::<Db>(&self.request).read(find).await?;
        Ok(session.and_then(|session| session.user_id))
    }

    fn sign_in_address(&self, notice: Option<Notice>) -> String {
        let next = Some(self.request.path()).filter(|path| *path != "/").map(|path| format!("next={path}"));
        let notice = notice.map(|notice| format!("notice={}", notice.code()));
        let query: Vec<String> = notice.into_iter().chain(next).collect();
        if query.is_empty() { "/login".to_owned() } else { format!("/login?{}", query.join("&")) }
    }
}
