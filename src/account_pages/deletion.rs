//! `/account/delete`: deletion of the account by its owner, where the setting allows it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::{AccountContext, AccountRequest};
use super::pages::DeletePage;
use super::reauthentication::{ReauthenticationOutcome, reauthenticate, rejection_alert};
use crate::accounts::{self, AccountService, Deletion};
use crate::authentication::AuthService;
use crate::db::DbError;
use crate::error::AppError;
use crate::mail::MailKind;
use crate::users::LookupName;
use crate::web::cookies::{self, CookieName};
use crate::web::form_post::{self, FormPost};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other};

/// Asks for the password.
pub async fn show(account: AccountRequest) -> Result<HttpResponse, AppError> {
    match account {
        AccountRequest::SignedIn(context) if context.config.account_deletion => form(&context, StatusCode::OK, None),
        AccountRequest::SignedIn(_) => Err(AppError::not_found()),
        AccountRequest::SignedOut(sign_in) => Ok(sign_in.redirect()),
    }
}

/// Deletes the account and signs this browser out.
pub async fn submit(
    account: AccountRequest,
    payload: web::Payload,
    auth: web::Data<AuthService>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) if context.config.account_deletion => context,
        AccountRequest::SignedIn(_) => return Err(AppError::not_found()),
        AccountRequest::SignedOut(sign_in) => return Ok(sign_in.redirect()),
    };
    let FormPost { parameters, rejection } =
        form_post::read(&context.request, payload, &context.session, false).await?;
    if let Some(rejection) = rejection {
        return form(&context, rejection.status(), Some(rejection_alert(&context, rejection)));
    }
    let typed = parameters.get("current").unwrap_or_default();
    if let ReauthenticationOutcome::Failed(failure) = reauthenticate(&context, &auth, typed).await? {
        return Ok(failure.with_retry_after(form(&context, failure.status, Some(failure.alert.clone()))?));
    }
    if let Deletion::LastAdmin(_) = delete(&context, &accounts).await? {
        let alert = Alert::named(context.layout().words, "alert-last-admin");
        return form(&context, StatusCode::UNPROCESSABLE_ENTITY, Some(alert));
    }
    context.session.sign_out(None);
    let mut response = see_other(&format!("/login?notice={}", Notice::AccountDeleted.code()));
    for name in [CookieName::Token, CookieName::Proxy] {
        cookies::remove_all_variants(&context.request, &mut response, name);
    }
    Ok(response)
}

/// Deletes the account and notifies the owner in one transaction.
async fn delete(context: &AccountContext, accounts: &AccountService) -> Result<Deletion, AppError> {
    let Some(name) = LookupName::parse(&context.current.user.username) else { return Err(AppError::not_found()) };
    let now = accounts.clock().now();
    let mail = context.mail(MailKind::AccountDeleted);
    let (outbox, cause) = (context.outbox(accounts.outbox()), context.cause());
    let deletion = accounts.write(move |conn, ended| -> Result<_, DbError> {
        let deletion = accounts::delete(conn, ended, &name, false, &cause, now)?;
        if let (Deletion::Done { .. }, Some(mail)) = (&deletion, mail.clone()) {
            outbox.queue(conn, mail, now)?;
        }
        Ok(deletion)
    });
    Ok(deletion.await?)
}

fn form(context: &AccountContext, status: StatusCode, alert: Option<Alert>) -> Result<HttpResponse, AppError> {
    let layout = context.layout();
    let username = context.current.user.username.clone();
    context.page(status, &DeletePage { csrf: context.csrf(), active_tab: "profile", username, alert, layout })
}
