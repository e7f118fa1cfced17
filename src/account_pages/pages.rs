//! Askama templates of the account pages.

use askama::Template;

use super::rows::SessionRow;
use crate::i18n::Time;
use crate::sessions::DeviceKind;
use crate::web::event_rows::DayRows;
use crate::web::new_password::NewPassword;
use crate::web::pages::{Alert, Layout};

/// The overview: who is signed in, and since when.
#[derive(Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    pub layout: Layout,
    pub csrf: String,
    /// The tab that the navigation marks as current.
    pub active_tab: &'static str,
    pub username: String,
    pub display_name: String,
    pub email: Option<String>,
    pub roles: Vec<String>,
    /// Whether the pages of the staff are open to this user.
    pub is_staff: bool,
    pub signed_in: Time,
    pub notice: Option<String>,
}

/// A language to choose from.
pub struct LanguageChoice {
    /// The language tag; empty for the browser's language.
    pub tag: &'static str,
    /// The language's name in itself, such as `Deutsch`.
    pub name: String,
    pub is_chosen: bool,
}

/// The form for the display name and the language, with the email address.
#[derive(Template)]
#[template(path = "account_profile.html")]
pub struct ProfilePage {
    pub layout: Layout,
    pub csrf: String,
    pub active_tab: &'static str,
    pub username: String,
    pub display_name: String,
    pub email: Option<String>,
    /// The requested address that is not yet verified.
    pub pending_email: Option<String>,
    pub languages: Vec<LanguageChoice>,
    pub can_delete: bool,
    pub alert: Option<Alert>,
    pub notice: Option<String>,
}

/// The form for another email address.
#[derive(Template)]
#[template(path = "account_email.html")]
pub struct EmailPage {
    pub layout: Layout,
    pub csrf: String,
    pub active_tab: &'static str,
    pub username: String,
    /// A note that the username stays as it is, for one that is an email address.
    pub name_stays: Option<String>,
    pub current: Option<String>,
    /// The requested address that is not yet verified.
    pub pending: Option<String>,
    /// Whether mail is configured.
    pub can_change: bool,
    /// The new address as it was typed.
    pub email: String,
    pub alert: Option<Alert>,
    pub notice: Option<String>,
}

/// The user's sessions and recent activity.
#[derive(Template)]
#[template(path = "account_sessions.html")]
pub struct SessionsPage {
    pub layout: Layout,
    pub csrf: String,
    pub active_tab: &'static str,
    pub browsers: Vec<SessionRow>,
    pub clients: Vec<SessionRow>,
    pub has_others: bool,
    pub days: Vec<DayRows>,
    pub alert: Option<Alert>,
    pub notice: Option<String>,
}

/// The form for a new password.
#[derive(Template)]
#[template(path = "account_password.html")]
pub struct PasswordPage {
    pub layout: Layout,
    pub csrf: String,
    pub active_tab: &'static str,
    pub username: String,
    pub new_password: NewPassword,
    pub alert: Option<Alert>,
    pub notice: Option<String>,
}

/// The form that deletes the account.
#[derive(Template)]
#[template(path = "account_delete.html")]
pub struct DeletePage {
    pub layout: Layout,
    pub csrf: String,
    pub active_tab: &'static str,
    pub username: String,
    pub alert: Option<Alert>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::i18n;
    use crate::users::password::PasswordPolicy;
    use crate::web::event_rows::{EventContext, EventRow};

    fn event_row(text: String, time: Time) -> EventRow {
        EventRow { what: text.clone(), origin: text, time, context: EventContext::default() }
    }

    #[test]
    fn every_page_renders_in_every_language() {
        let policy = PasswordPolicy::new(&Settings::default().check().expect("the defaults"));
        for words in i18n::languages() {
            let layout = || Layout::in_language(words);
            let text = || "<b>\"quoted\"</b>".to_owned();
            let time =
                || Time { ago: text(), full: text(), date: text(), clock: text(), title: text(), machine: text() };
            let alert = || Some(Alert { title: text(), text: text() });
            let (csrf, notice) = (text, || Some(text()));
            let session = |is_this| SessionRow {
                id: text(),
                name: text(),
                device: DeviceKind::Phone,
                is_this,
                is_remembered: true,
                address: Some(text()),
                began: time(),
                last_used: time(),
                end_label: text(),
            };
            let email = |can_change| {
                EmailPage {
                    layout: layout(),
                    csrf: text(),
                    active_tab: "profile",
                    username: text(),
                    name_stays: Some(text()),
                    current: Some(text()),
                    pending: Some(text()),
                    can_change,
                    email: text(),
                    alert: alert(),
                    notice: notice(),
                }
                .render()
            };
            let pages = [
                AccountPage {
                    layout: layout(),
                    csrf: csrf(),
                    active_tab: "overview",
                    username: text(),
                    display_name: text(),
                    email: Some(text()),
                    roles: vec![text()],
                    is_staff: true,
                    signed_in: time(),
                    notice: notice(),
                }
                .render(),
                ProfilePage {
                    layout: layout(),
                    csrf: csrf(),
                    active_tab: "profile",
                    username: text(),
                    display_name: text(),
                    email: Some(text()),
                    pending_email: Some(text()),
                    languages: vec![LanguageChoice { tag: "en", name: text(), is_chosen: true }],
                    can_delete: true,
                    alert: alert(),
                    notice: notice(),
                }
                .render(),
                email(true),
                email(false),
                SessionsPage {
                    layout: layout(),
                    csrf: csrf(),
                    active_tab: "sessions",
                    browsers: vec![session(true), session(false)],
                    clients: vec![session(false)],
                    has_others: true,
                    days: vec![DayRows { date: text(), events: vec![event_row(text(), time())] }],
                    alert: alert(),
                    notice: notice(),
                }
                .render(),
                PasswordPage {
                    layout: layout(),
                    csrf: csrf(),
                    active_tab: "password",
                    username: text(),
                    new_password: NewPassword::new(words, "field-new-password", &policy),
                    alert: alert(),
                    notice: notice(),
                }
                .render(),
                DeletePage { layout: layout(), csrf: csrf(), active_tab: "profile", username: text(), alert: alert() }
                    .render(),
            ];
            for page in pages {
                let page = page.expect("renders");
                assert!(page.contains(&format!("lang=\"{}\"", words.language())));
                assert!(!page.contains("<b>") && !page.contains("\"quoted\""), "escaped: {page}");
                let keys = page.split(['<', '>', '"', ' ']).filter(|word| word.contains('-') && words.has(word));
                assert_eq!(keys.collect::<Vec<_>>(), [""; 0], "unresolved keys");
            }
        }
    }
}
