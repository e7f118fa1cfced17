//! The pages of the account: fields ready to print. What may not live here: words (`locales/`) and decisions.

use askama::Template;

use super::rows::{EventRow, SessionRow};
use crate::i18n::Time;
use crate::web::new_password::NewPassword;
use crate::web::pages::{Alert, Layout};

/// Who is signed in, and since when.
#[derive(Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    pub layout: Layout,
    pub csrf: String,
    /// Which of the account's pages this is, for its navigation.
    pub place: &'static str,
    pub username: String,
    pub display_name: String,
    pub email: Option<String>,
    pub roles: Vec<String>,
    pub signed_in: Time,
    pub notice: Option<String>,
}

/// What the person is called.
#[derive(Template)]
#[template(path = "account_profile.html")]
pub struct ProfilePage {
    pub layout: Layout,
    pub csrf: String,
    pub place: &'static str,
    pub username: String,
    pub display_name: String,
    pub email: Option<String>,
    pub can_delete: bool,
    pub alert: Option<Alert>,
    pub notice: Option<String>,
}

/// Where the person is signed in, and what happened lately.
#[derive(Template)]
#[template(path = "account_sessions.html")]
pub struct SessionsPage {
    pub layout: Layout,
    pub csrf: String,
    pub place: &'static str,
    pub browsers: Vec<SessionRow>,
    pub programs: Vec<SessionRow>,
    pub has_others: bool,
    pub events: Vec<EventRow>,
    pub alert: Option<Alert>,
    pub notice: Option<String>,
}

/// A new password.
#[derive(Template)]
#[template(path = "account_password.html")]
pub struct PasswordPage {
    pub layout: Layout,
    pub csrf: String,
    pub place: &'static str,
    pub username: String,
    pub new_password: NewPassword,
    pub alert: Option<Alert>,
    pub notice: Option<String>,
}

/// The end of the account.
#[derive(Template)]
#[template(path = "account_delete.html")]
pub struct DeletePage {
    pub layout: Layout,
    pub csrf: String,
    pub place: &'static str,
    pub username: String,
    pub alert: Option<Alert>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::i18n;
    use crate::users::password::PasswordPolicy;

    #[test]
    fn every_page_renders_in_every_language() {
        let policy = PasswordPolicy::new(&Settings::default().check().expect("the defaults"));
        for words in i18n::languages() {
            let layout = || Layout::in_language(words);
            let text = || "<b>\"quoted\"</b>".to_owned();
            let time = || Time { text: text(), machine: text() };
            let alert = || Some(Alert { title: text(), text: text() });
            let (csrf, notice) = (text, || Some(text()));
            let session = |is_this| SessionRow {
                id: text(),
                name: text(),
                is_this,
                is_remembered: true,
                address: Some(text()),
                began: time(),
                last_used: time(),
                end_label: text(),
            };
            let event = || EventRow { what: words.get("event-signed-in"), whence: text(), time: time() };
            let pages = [
                AccountPage {
                    layout: layout(),
                    csrf: csrf(),
                    place: "overview",
                    username: text(),
                    display_name: text(),
                    email: Some(text()),
                    roles: vec![text()],
                    signed_in: time(),
                    notice: notice(),
                }
                .render(),
                ProfilePage {
                    layout: layout(),
                    csrf: csrf(),
                    place: "profile",
                    username: text(),
                    display_name: text(),
                    email: Some(text()),
                    can_delete: true,
                    alert: alert(),
                    notice: notice(),
                }
                .render(),
                SessionsPage {
                    layout: layout(),
                    csrf: csrf(),
                    place: "sessions",
                    browsers: vec![session(true), session(false)],
                    programs: vec![session(false)],
                    has_others: true,
                    events: vec![event()],
                    alert: alert(),
                    notice: notice(),
                }
                .render(),
                PasswordPage {
                    layout: layout(),
                    csrf: csrf(),
                    place: "password",
                    username: text(),
                    new_password: NewPassword::new(words, "field-new-password", &policy),
                    alert: alert(),
                    notice: notice(),
                }
                .render(),
                DeletePage { layout: layout(), csrf: csrf(), place: "profile", username: text(), alert: alert() }
                    .render(),
            ];
            for page in pages {
                let page = page.expect("renders");
                assert!(page.contains(&format!("lang=\"{}\"", words.language())));
                assert!(!page.contains("<b>") && !page.contains("\"quoted\""), "escaped: {page}");
                let keys = page.split(['<', '>', '"', ' ']).filter(|word| word.contains('-') && words.has(word));
                assert_eq!(keys.collect::<Vec<_>>(), [""; 0], "a key, not a word");
            }
        }
    }
}
