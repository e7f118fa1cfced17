//! `/email/verify`: the page of a one-time link that verifies an email address.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::email_verification::{EmailVerification, verify_email};
use super::pages::VerifyPage;
use crate::accounts::AccountService;
use crate::error::AppError;
use crate::links::{Link, LinkPurpose};
use crate::users::User;
use crate::web::client_info;
use crate::web::current_user::{CurrentUser, MaybeUser};
use crate::web::error_page::ErrorPage;
use crate::web::form_post::{self, FormPost, FormState};
use crate::web::notice::Notice;
use crate::web::one_time_link;
use crate::web::pages::{Layout, html, see_other};
use crate::web::session::BrowserSession;

const PATH: &str = "/email/verify";

/// Moves a link's secret from the URL into a cookie, or shows the form for the link in the cookie. The link stays
/// valid. Only the signed-in owner of the account sees the form.
pub async fn show(
    request: HttpRequest,
    session: BrowserSession,
    MaybeUser(current): MaybeUser,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    if let Some(response) = one_time_link::move_to_cookie(&request, PATH) {
        return Ok(response);
    }
    let Some((link, user)) = find_link(&request, &accounts).await? else { return link_expired(&request) };
    match find_owner(&request, &user, current)? {
        Owner::SignedIn => form(Layout::new(&request), &session, &link, &user, FormState::default()),
        Owner::Absent(response) => Ok(response),
    }
}

/// Verifies the address.
pub async fn submit(
    request: HttpRequest,
    payload: web::Payload,
    session: BrowserSession,
    MaybeUser(current): MaybeUser,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    let FormPost { rejection, .. } = form_post::read(&request, payload, &session, false).await?;
    let layout = Layout::new(&request);
    let Some((link, user)) = find_link(&request, &accounts).await? else { return link_expired(&request) };
    if let Owner::Absent(response) = find_owner(&request, &user, current)? {
        return Ok(response);
    }
    if let Some(rejection) = rejection {
        let state = FormState::rejected(rejection, layout.words, &request);
        return form(layout, &session, &link, &user, state);
    }
    let outbox = accounts.outbox().with_fallback_language(Some(layout.lang));
    match verify_email(&accounts, outbox, link, user.id, client_info(&request)).await? {
        EmailVerification::Done => {
            let path = format!("/?notice={}", Notice::EmailVerified.code());
            Ok(one_time_link::redirect_after_use(&request, &path))
        }
        EmailVerification::AddressTaken | EmailVerification::LinkExpired => link_expired(&request),
    }
}

/// Whether the owner of the account is signed in at this browser.
enum Owner {
    SignedIn,
    /// The response: the sign-in page, which leads back, or a page that says that another user is signed in.
    Absent(HttpResponse),
}

/// Only the owner of the account may confirm its address: otherwise the click of a stranger, who is sent a link, would
/// put their address into an attacker's account.
fn find_owner(request: &HttpRequest, user: &User, current: Option<CurrentUser>) -> Result<Owner, AppError> {
    Ok(match current {
        Some(current) if current.user.id == user.id => Owner::SignedIn,
        Some(current) => Owner::Absent(other_user_page(request, &current.user)?),
        None => {
            let notice = Notice::SignInToVerify.code();
            Owner::Absent(see_other(&format!("/login?notice={notice}&next={PATH}")))
        }
    })
}

/// Does not name the account of the link: who opens it may be a stranger to it.
fn other_user_page(request: &HttpRequest, current: &User) -> Result<HttpResponse, AppError> {
    let layout = Layout::new(request);
    let words = layout.words;
    let page = ErrorPage {
        title: words.get("verify-other-title").to_owned(),
        text: words.format("verify-other-text", &[("username", current.username.as_str().into())]),
        request_id: None,
        link_href: "/logout?next=/email/verify",
        link_text: words.get("verify-other-link").to_owned(),
        layout,
    };
    html(StatusCode::FORBIDDEN, &page)
}

async fn find_link(request: &HttpRequest, accounts: &AccountService) -> Result<Option<(Link, User)>, AppError> {
    let found = one_time_link::find(request, accounts, &[LinkPurpose::Verify]).await?;
    Ok(found.and_then(|(link, user)| Some((link, user?))))
}

fn form(
    layout: Layout,
    session: &BrowserSession,
    link: &Link,
    user: &User,
    state: FormState,
) -> Result<HttpResponse, AppError> {
    let csrf = form_post::csrf_token(session, state.rejection);
    let email = link.email.clone().unwrap_or_default();
    html(state.status, &VerifyPage { layout, csrf, email, username: user.username.clone(), alert: state.alert })
}

fn link_expired(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    one_time_link::expired_link_page(request, "link-expired-verify", "/", "error-link-home")
}
