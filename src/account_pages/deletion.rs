//! `/account/delete`: the end of an account by its own person, where the setting lets them.
//! What may not live here: what deleting is (`admin`).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::{AccountContext, AccountRequest};
use super::pages::DeletePage;
use super::reauthentication::{ReauthenticationOutcome, reauthenticate, refusal_alert};
use crate::admin::{self, Deletion};
use crate::audit::{self, EventKind};
use crate::db::DbError;
use crate::error::AppError;
use crate::mail::MailKind;
use crate::sessions;
use crate::users::LookupName;
use crate::web::cookies;
use crate::web::form_post::{self, FormPost};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other};

/// So many of the sessions that end are refused here at once; all of them everywhere within a second.
const MAX_SESSIONS: i64 = 1_000;

/// The question.
pub async fn show(account: AccountRequest) -> Result<HttpResponse, AppError> {
    match account {
        AccountRequest::SignedIn(context) if context.config.account_deletion => form(&context, StatusCode::OK, None),
        AccountRequest::SignedIn(_) => Err(AppError::not_found()),
        AccountRequest::SignedOut(sign_in) => Ok(sign_in.redirect()),
    }
}

/// Deletes the account and signs this browser out.
pub async fn submit(account: AccountRequest, payload: web::Payload) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) if context.config.account_deletion => context,
        AccountRequest::SignedIn(_) => return Err(AppError::not_found()),
        AccountRequest::SignedOut(sign_in) => return Ok(sign_in.redirect()),
    };
    let FormPost { parameters, refusal } = form_post::read(&context.request, payload, &context.session, false).await?;
    if let Some(refusal) = refusal {
        return form(&context, refusal.status(), Some(refusal_alert(&context, refusal)));
    }
    if let ReauthenticationOutcome::Refused(refused) =
        reauthenticate(&context, parameters.get("current").unwrap_or_default()).await?
    {
        return Ok(refused.put_on(form(&context, refused.status, Some(refused.alert.clone()))?));
    }
    let Some(name) = LookupName::parse(&context.current.user.username) else { return Err(AppError::not_found()) };
    let (now, user_id) = (context.lock.clock.now(), context.current.user.id);
    let mail = context.mail(MailKind::AccountDeleted { username: context.current.user.username.clone() });
    let (outbox, event) = (context.outbox(), context.event(EventKind::Deleted, now));
    let outcome = context.lock.db.write(move |conn| -> Result<_, DbError> {
        let live = sessions::list_live_of_user(conn, user_id, MAX_SESSIONS)?;
        let deletion = admin::delete(conn, &name, false, now)?;
        if matches!(deletion, Deletion::Done { .. }) {
            audit::record(conn, &event)?;
            if let Some(mail) = mail {
                outbox.queue(conn, mail, now)?;
            }
        }
        Ok((deletion, live))
    });
    let (deletion, live) = outcome.await?;
    if let Deletion::LastAdmin(_) = deletion {
        let alert = Alert::named(context.layout().words, "alert-last-admin");
        return form(&context, StatusCode::UNPROCESSABLE_ENTITY, Some(alert));
    }
    for session in live {
        context.lock.tokens.revoked().add(&session.id, session.access_until);
    }
    context.session.sign_out(None)?;
    let mut response = see_other(&format!("/login?notice={}", Notice::AccountDeleted.code()));
    for name in [cookies::Name::Token, cookies::Name::Proxy] {
        cookies::remove_all_forms(&context.request, &mut response, name)?;
    }
    Ok(response)
}

fn form(context: &AccountContext, status: StatusCode, alert: Option<Alert>) -> Result<HttpResponse, AppError> {
    let layout = context.layout();
    let username = context.current.user.username.clone();
    context.page(status, &DeletePage { csrf: context.csrf()?, active_tab: "profile", username, alert, layout })
}
