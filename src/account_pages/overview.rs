//! `/`: the overview of the account.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::AccountRequest;
use super::pages::AccountPage;
use crate::clock::Clock;
use crate::error::AppError;
use crate::i18n::TimeFormat;
use crate::users::ADMIN_ROLE;

/// Shows who is signed in, and since when.
pub async fn show(account: AccountRequest, clock: web::Data<Clock>) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return Ok(sign_in.redirect()),
    };
    let layout = context.layout();
    let words = layout.words;
    let current = &context.current;
    let role_word = |role: &String| if role == ADMIN_ROLE { words.get("role-admin").to_owned() } else { role.clone() };
    let page = AccountPage {
        csrf: context.csrf(),
        active_tab: "overview",
        display_name: current.user.display_name.clone().unwrap_or_else(|| current.user.username.clone()),
        username: current.user.username.clone(),
        email: current.user.email.clone(),
        is_staff: current
            .roles
            .iter()
            .any(|role| role == ADMIN_ROLE || context.config.support_role.as_ref() == Some(role)),
        roles: current.roles.iter().map(role_word).collect(),
        signed_in: TimeFormat::new(words, context.config.time_zone, clock.now()).time(current.session.authenticated_at),
        notice: context.notice(&layout),
        layout,
    };
    context.page_with_script(StatusCode::OK, &page)
}
