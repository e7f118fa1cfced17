//! The pages of making an account: fields ready to print. What may not live here: words (`locales/`) and decisions.

use askama::Template;

use crate::web::new_password::NewPassword;
use crate::web::pages::{Alert, Layout};

/// The form that asks for a link.
#[derive(Template)]
#[template(path = "register.html")]
pub struct RegisterPage {
    pub layout: Layout,
    pub csrf: String,
    pub email: String,
    pub alert: Option<Alert>,
}

/// The form that makes the account. `email` is empty when the link was handed over, not mailed.
#[derive(Template)]
#[template(path = "invite.html")]
pub struct InvitePage {
    pub layout: Layout,
    pub csrf: String,
    pub email: String,
    pub username: String,
    pub display_name: String,
    pub new_password: NewPassword,
    pub alert: Option<Alert>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::i18n;
    use crate::users::password::PasswordPolicy;

    #[test]
    fn the_pages_render_in_every_language() {
        for words in i18n::languages() {
            let policy = PasswordPolicy::new(&Settings::default().check().expect("the defaults"));
            let layout = || Layout::in_language(words);
            let text = || "<b>\"x\"</b>".to_owned();
            let alert = || Some(Alert { title: text(), text: text() });
            let invite = InvitePage {
                layout: layout(),
                csrf: text(),
                email: text(),
                username: text(),
                display_name: text(),
                new_password: NewPassword::new(words, "field-password", &policy),
                alert: alert(),
            };
            let register = RegisterPage { layout: layout(), csrf: text(), email: text(), alert: alert() };
            for page in [invite.render(), register.render()] {
                let page = page.expect("renders");
                assert!(!page.contains("<b>") && !page.contains("register-") && !page.contains("invite-"), "{page}");
            }
        }
    }
}
