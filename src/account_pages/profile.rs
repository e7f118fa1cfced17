//! `/account/profile`: the display name and the language of the pages and mails.

use std::iter;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::{AccountContext, AccountRequest};
use super::pages::{LanguageChoice, ProfilePage};
use super::reauthentication::rejection_alert;
use crate::accounts::AccountService;
use crate::audit::{self, EventKind};
use crate::db::DbError;
use crate::error::AppError;
use crate::i18n::{self, Translation};
use crate::recovery::find_pending_email;
use crate::users;
use crate::web::cookies::{self, CookieName};
use crate::web::form_post::{self, FormPost};
use crate::web::notice::Notice;
use crate::web::pages::{Alert, see_other};

/// The fields that are kept when the session ends while the form is filled in.
const KEPT_FIELDS: [&str; 2] = ["display_name", "language"];

/// The state of the form.
struct ProfileForm {
    display_name: String,
    /// The language tag; empty for the browser's language.
    language: String,
    alert: Option<Alert>,
    notice: Option<String>,
}

/// Shows the form, with the text that was typed into it before the session ended.
pub async fn show(account: AccountRequest, accounts: web::Data<AccountService>) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return Ok(sign_in.redirect()),
    };
    let draft = context.draft();
    let user = &context.current.user;
    let kept = |name, stored: &Option<String>| {
        draft
            .as_ref()
            .and_then(|draft| draft.get(name))
            .map_or_else(|| stored.clone().unwrap_or_default(), str::to_owned)
    };
    let shown = ProfileForm {
        display_name: kept("display_name", &user.display_name),
        language: kept("language", &user.language),
        alert: None,
        notice: draft.as_ref().map(|_| context.layout().word("account-text-kept").to_owned()),
    };
    let mut response = form(&context, &accounts, StatusCode::OK, shown).await?;
    if draft.is_some() {
        cookies::remove(&mut response, crate::web::config(&context.request), CookieName::Draft);
    }
    Ok(response)
}

/// Saves the profile.
pub async fn submit(
    account: AccountRequest,
    payload: web::Payload,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, AppError> {
    let context = match account {
        AccountRequest::SignedIn(context) => context,
        AccountRequest::SignedOut(sign_in) => return sign_in.redirect_keeping(payload, &KEPT_FIELDS).await,
    };
    let FormPost { parameters, rejection } =
        form_post::read(&context.request, payload, &context.session, false).await?;
    let typed: String = parameters.get("display_name").unwrap_or_default().chars().take(256).collect();
    let typed = typed.trim().to_owned();
    let stored = context.current.user.language.clone().unwrap_or_default();
    let language = parameters.get("language").map_or(stored, str::to_owned);
    let again = |status, alert| {
        let shown =
            ProfileForm { display_name: typed.clone(), language: language.clone(), alert: Some(alert), notice: None };
        form(&context, &accounts, status, shown)
    };
    if let Some(rejection) = rejection {
        return again(rejection.status(), rejection_alert(&context, rejection)).await;
    }
    if !typed.is_empty() && !users::is_display_name(&typed) {
        let layout = context.layout();
        let alert = Alert {
            title: layout.word("profile-alert-title").to_owned(),
            text: layout.words.format("display-name-invalid", &[("max", users::MAX_DISPLAY_NAME_CHARACTERS.into())]),
        };
        return again(StatusCode::UNPROCESSABLE_ENTITY, alert).await;
    }
    // An unknown tag, which the form does not offer, counts as the browser's language.
    let chosen = i18n::find(&language);
    save(&context, &accounts, Some(typed).filter(|name| !name.is_empty()), chosen).await?;
    let mut response = see_other(&format!("/account/profile?notice={}", Notice::ProfileSaved.code()));
    sync_language_cookie(&context, &mut response, chosen);
    Ok(response)
}

/// Makes the language cookie follow a new choice: the cookie takes precedence over the account's language.
fn sync_language_cookie(context: &AccountContext, response: &mut HttpResponse, chosen: Option<&'static Translation>) {
    let config = crate::web::config(&context.request);
    if chosen.map(Translation::language) == context.current.user.language.as_deref() {
        return;
    }
    match chosen {
        Some(words) => cookies::set_language(response, config, words),
        None => cookies::remove(response, config, CookieName::Language),
    }
}

async fn save(
    context: &AccountContext,
    accounts: &AccountService,
    display_name: Option<String>,
    language: Option<&'static Translation>,
) -> Result<(), DbError> {
    let user = &context.current.user;
    let language = language.map(Translation::language);
    let has_new_name = user.display_name != display_name;
    let has_new_language = user.language.as_deref() != language;
    if !has_new_name && !has_new_language {
        return Ok(());
    }
    let (id, event) = (user.id, context.event(EventKind::ProfileChanged, accounts.clock().now()));
    accounts
        .write(move |conn, _| -> Result<_, DbError> {
            if has_new_language {
                users::set_language(conn, id, language)?;
            }
            if has_new_name {
                users::set_display_name(conn, id, display_name.as_deref())?;
                audit::record(conn, &event)?;
            }
            Ok(())
        })
        .await
}

/// The choices of the form: the browser's language, and every language of the pages.
fn choices(words: &Translation, chosen: &str) -> Vec<LanguageChoice> {
    let choice = |tag, name: &str| LanguageChoice { tag, name: name.to_owned(), is_chosen: tag == chosen };
    let all = i18n::languages().iter().map(|words| choice(words.language(), words.name()));
    let mut choices: Vec<_> = iter::once(choice("", words.get("profile-language-browser"))).chain(all).collect();
    if choices.iter().all(|choice| !choice.is_chosen) {
        choices[0].is_chosen = true;
    }
    choices
}

async fn form(
    context: &AccountContext,
    accounts: &AccountService,
    status: StatusCode,
    shown: ProfileForm,
) -> Result<HttpResponse, AppError> {
    let pending_email = find_pending_email(accounts, context.current.user.id).await?;
    let layout = context.layout();
    let user = &context.current.user;
    let ProfileForm { display_name, language, alert, notice } = shown;
    let page = ProfilePage {
        csrf: context.csrf(),
        active_tab: "profile",
        username: user.username.clone(),
        display_name,
        email: user.email.clone(),
        pending_email,
        languages: choices(layout.words, &language),
        can_delete: context.config.account_deletion,
        notice: notice.or_else(|| context.notice(&layout)).filter(|_| alert.is_none()),
        alert,
        layout,
    };
    context.page(status, &page)
}
