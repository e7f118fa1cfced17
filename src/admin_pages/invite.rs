//! `/admin/invite`: mailing an invitation.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::access::{StaffContext, StaffLevel, StaffRequest};
use super::pages::{Choice, InvitePage};
use super::rows::role_text;
use crate::account_pages::rejection_alert;
use crate::accounts::{AccountService, fields};
use crate::error::AppError;
use crate::registration::{Invitation, invite};
use crate::users;
use crate::web::form_post::{self, FormPost, FormState};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other};

/// Shows the form.
pub async fn show(staff: StaffRequest, accounts: web::Data<AccountService>) -> Result<HttpResponse, AppError> {
    let staff = match staff.for_staff() {
        Ok(staff) => staff,
        Err(refusal) => return refusal.respond(),
    };
    form(&staff, &accounts, String::new(), "", FormState::default()).await
}

/// Mails an invitation. The link is never shown. Support staff cannot give roles.
pub async fn submit(
    staff: StaffRequest,
    payload: web::Payload,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    let staff = match staff.for_staff() {
        Ok(staff) => staff,
        Err(refusal) => return refusal.respond(),
    };
    let context = &staff.account;
    let FormPost { parameters, rejection } =
        form_post::read(&context.request, payload, &context.session, false).await?;
    let email: String = parameters.get("email").unwrap_or_default().trim().chars().take(256).collect();
    let role = parameters.get("role").unwrap_or_default().to_owned();
    if let Some(rejection) = rejection {
        let state = FormState::failed(rejection.status(), rejection_alert(context, rejection));
        return form(&staff, &accounts, email, &role, state).await;
    }
    let words = context.layout().words;
    let invalid = |alert| FormState::failed(StatusCode::UNPROCESSABLE_ENTITY, Alert::named(words, alert));
    if !staff.can_invite(accounts.outbox()) {
        return form(&staff, &accounts, email, &role, invalid("admin-alert-invitations-off")).await;
    }
    let Ok(address) = fields::check_email(email.clone()) else {
        return form(&staff, &accounts, email, &role, invalid("admin-alert-email")).await;
    };
    let roles: Vec<String> = Some(role.clone()).filter(|role| !role.is_empty()).into_iter().collect();
    if staff.level != StaffLevel::Admin && !roles.is_empty() {
        return Err(AppError::forbidden());
    }
    // The person chooses the username.
    let longest = "x".repeat(users::MAX_USERNAME_CHARACTERS);
    let Ok(roles) = fields::check_roles(roles).and_then(|roles| {
        accounts.check_roles_fit(&longest, None, &roles)?;
        Ok(roles)
    }) else {
        return form(&staff, &accounts, email, &role, invalid("admin-alert-role")).await;
    };
    match invite(&accounts, Some(address), roles, &context.cause()).await? {
        Invitation::Mailed | Invitation::Created(_) => {
            Ok(see_other(&format!("/admin/users?notice={}", Notice::InvitationMailed.code())))
        }
        Invitation::NoMail => form(&staff, &accounts, email, &role, invalid("admin-alert-no-mail")).await,
        Invitation::TooMany => form(&staff, &accounts, email, &role, invalid("admin-alert-queue-full")).await,
    }
}

async fn form(
    staff: &StaffContext,
    accounts: &AccountService,
    email: String,
    role: &str,
    state: FormState,
) -> Result<HttpResponse, AppError> {
    let is_admin = staff.level == StaffLevel::Admin;
    let layout = staff.account.layout();
    let words = layout.words;
    let roles = if is_admin { accounts.list_role_names().await? } else { Vec::new() };
    let none =
        Choice { value: String::new(), text: words.get("admin-invite-no-role").to_owned(), is_chosen: role.is_empty() };
    let of_role = |name: String| Choice { text: role_text(words, &name), is_chosen: name == role, value: name };
    let page = InvitePage {
        csrf: form_post::csrf_token(&staff.account.session, state.rejection),
        active_tab: "users",
        is_admin,
        email,
        roles: std::iter::once(none).chain(roles.into_iter().map(of_role)).collect(),
        alert: state.alert,
        layout,
    };
    staff.page(state.status, &page)
}
