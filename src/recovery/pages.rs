//! Askama templates of the password-reset and email-verification pages.

use askama::Template;

use crate::web::pages::{Alert, Layout};

/// The form that requests a reset link.
#[derive(Template)]
#[template(path = "forgot.html")]
pub struct ForgotPage {
    pub layout: Layout,
    pub csrf: String,
    pub login: String,
    pub alert: Option<Alert>,
}

/// The form that confirms an email address.
#[derive(Template)]
#[template(path = "verify.html")]
pub struct VerifyPage {
    pub layout: Layout,
    pub csrf: String,
    pub email: String,
    pub username: String,
    pub alert: Option<Alert>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n;

    #[test]
    fn pages_render_in_every_language() {
        for words in i18n::languages() {
            let layout = || Layout::in_language(words);
            let text = || "<b>\"x\"</b>".to_owned();
            let alert = || Some(Alert { title: text(), text: text() });
            let pages = [
                ForgotPage { layout: layout(), csrf: text(), login: text(), alert: alert() }.render(),
                VerifyPage { layout: layout(), csrf: text(), email: text(), username: text(), alert: alert() }.render(),
            ];
            for page in pages {
                let page = page.expect("renders");
                assert!(!page.contains("<b>") && !page.contains("forgot-") && !page.contains("verify-"), "{page}");
            }
        }
    }
}
