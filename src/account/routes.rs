//! `/`: the account page, which also renews what the browser holds. What may not live here: the renewal itself (`web::renewal`).

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::AccountPage;
use crate::credentials::Lock;
use crate::error::AppError;
use crate::users::ADMIN_ROLE;
use crate::web::current_user::MaybeUser;
use crate::web::form::Parameters;
use crate::web::notice::Notice;
use crate::web::pages::{Layout, date_time, html, see_other};
use crate::web::session::BrowserSession;
use crate::web::{WebConfig, csrf, error_page, get, renewal, session};

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
    let Some(renewed) = renewal::renew(&request, &session, &lock, &current).await? else {
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
    renewed.put_on(&mut response, crate::web::config(&request))?;
    Ok(response)
}
