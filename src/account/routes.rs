//! `/`: the account page, which also mints a new access token when the old one has expired and the session has not.
//! What may not live here: how long either lives (`sessions::lifetimes`).

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::AccountPage;
use crate::clock::Moment;
use crate::credentials::Lock;
use crate::db::DbError;
use crate::error::AppError;
use crate::sessions::{self, Session};
use crate::tokens::{Grant, IssuedToken, Signer, Subject};
use crate::users::ADMIN_ROLE;
use crate::web::current_user::{CurrentUser, MaybeUser};
use crate::web::form::Parameters;
use crate::web::notice::Notice;
use crate::web::pages::{Layout, date_time, html, see_other};
use crate::web::session::BrowserSession;
use crate::web::{WebConfig, cookies, csrf, error_page, get, session};

/// Mounts the routes of the account.
pub fn routes(services: &mut web::ServiceConfig, config: &WebConfig) {
    services.service(
        web::resource("/")
            .wrap(session::middleware(config))
            .wrap(from_fn(error_page::middleware))
            .route(get().to(show))
            .default_service(web::to(|| async { Err::<String, _>(AppError::method_not_allowed("GET, HEAD")) })),
    );
}

async fn show(
    request: HttpRequest,
    session: BrowserSession,
    MaybeUser(user): MaybeUser,
    lock: web::Data<Lock>,
) -> Result<HttpResponse, AppError> {
    let Some(current) = user else {
        let had_session = session.secret().is_some();
        return Ok(see_other(&if had_session {
            format!("/login?notice={}", Notice::SessionEnded.code())
        } else {
            "/login".to_owned()
        }));
    };
    let Some(renewed) = keep_alive(&request, &lock, &current).await? else {
        return Ok(see_other(&format!("/login?notice={}", Notice::SessionEnded.code())));
    };
    let layout = Layout::new(&request);
    let words = layout.words;
    let role_word = |role: &String| if role == ADMIN_ROLE { words.get("role-admin").to_owned() } else { role.clone() };
    let notice = Notice::in_query(&Parameters::from_query(request.query_string()), &layout);
    let page = AccountPage {
        csrf: csrf::token(&session.csrf_seed_or_new()?),
        display_name: current.user.display_name.clone().unwrap_or_else(|| current.user.username.clone()),
        username: current.user.username.clone(),
        roles: current.roles.iter().map(role_word).collect(),
        signed_in_at: date_time(words, current.session.authenticated_at),
        signed_in_at_machine: format!("{}Z", current.session.authenticated_at.format("%Y-%m-%dT%H:%M:%S")),
        notice,
        layout,
    };
    let mut response = html(StatusCode::OK, &page)?;
    if let Some(token) = renewed {
        cookies::set_token(&mut response, crate::web::config(&request), &token.token, token.expires_in)?;
    }
    Ok(response)
}

/// Writes the use of the session down when that is due, and mints an access token when the browser's no longer serves. `None` when the
/// session ended meanwhile; `Some(None)` when the token it has will do.
async fn keep_alive(
    request: &HttpRequest,
    lock: &Lock,
    current: &CurrentUser,
) -> Result<Option<Option<IssuedToken>>, AppError> {
    let now = lock.clock.now();
    let serves = match cookies::find(request, cookies::Name::Token) {
        Some(token) => lock.tokens.verify(&token).await.is_ok_and(|verified| {
            verified.claims.sid == current.session.id && verified.claims.exp > crate::clock::unix_seconds(now)
        }),
        None => false,
    };
    if serves && !lock.lifetimes.is_use_due(&current.session, now) {
        return Ok(Some(None));
    }
    let mut session = current.session.clone();
    session.last_used_at = now;
    if serves {
        return Ok(write_use(lock, &session, now).await?.then_some(None));
    }
    let signer = lock.tokens.signer(now);
    if !write_issue(lock, &session, &signer, now).await? {
        return Ok(None);
    }
    let subject = Subject::User(&current.user, &current.roles);
    let grant = Grant { subject, scope: &session.scope, session: &session };
    let token = lock.tokens.issue(&signer, grant, now).map_err(AppError::internal)?;
    Ok(Some(Some(token)))
}

async fn write_use(lock: &Lock, session: &Session, now: Moment) -> Result<bool, DbError> {
    let id = session.id.clone();
    lock.db.write(move |conn| Ok(sessions::set_used(conn, &id, now)?)).await
}

/// Before the token is signed: other instances must know until when to remember the session, should it end.
async fn write_issue(lock: &Lock, session: &Session, signer: &Signer, now: Moment) -> Result<bool, DbError> {
    let until = lock.lifetimes.access_token_ends_at(session, now);
    let (session, signer) = (session.clone(), signer.clone());
    lock.db.write(move |conn| Ok(sessions::set_issued(conn, &session, signer.kid(), until, now)?)).await
}
