//! `/`: who is signed in, and since when. What may not live here: how a session is renewed (`web::renewal`).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::pages::AccountPage;
use super::visit::Arrival;
use crate::error::AppError;
use crate::i18n::Time;
use crate::users::ADMIN_ROLE;

/// The page.
pub async fn show(arrival: Arrival) -> Result<HttpResponse, AppError> {
    let visit = match arrival {
        Arrival::In(visit) => visit,
        Arrival::Out(departure) => return Ok(departure.redirect()),
    };
    let layout = visit.layout();
    let words = layout.words;
    let current = &visit.current;
    let role_word = |role: &String| if role == ADMIN_ROLE { words.get("role-admin").to_owned() } else { role.clone() };
    let page = AccountPage {
        csrf: visit.csrf()?,
        place: "overview",
        display_name: current.user.display_name.clone().unwrap_or_else(|| current.user.username.clone()),
        username: current.user.username.clone(),
        email: current.user.email.clone(),
        roles: current.roles.iter().map(role_word).collect(),
        signed_in: Time::new(words, current.session.authenticated_at, visit.lock.clock.now()),
        notice: visit.notice(&layout),
        layout,
    };
    visit.page(StatusCode::OK, &page)
}
