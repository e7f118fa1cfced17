//! The account page: fields ready to print. What may not live here: words (`locales/`) and decisions.

use askama::Template;

use crate::web::pages::Layout;

/// Who is signed in, and since when.
#[derive(Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    pub layout: Layout,
    pub csrf: String,
    pub username: String,
    pub display_name: String,
    pub roles: Vec<String>,
    pub signed_in_at: String,
    pub signed_in_at_machine: String,
    pub notice: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::i18n;
    use crate::web::pages::date_time;

    #[test]
    fn the_page_renders_in_every_language() {
        for words in i18n::languages() {
            let page = AccountPage {
                layout: Layout::in_language(words),
                csrf: "csrf".to_owned(),
                username: "<alice>".to_owned(),
                display_name: "홍길동".to_owned(),
                roles: vec![words.get("role-admin").to_owned()],
                signed_in_at: date_time(words, Clock::system().now()),
                signed_in_at_machine: "2026-11-23T13:05:00Z".to_owned(),
                notice: None,
            };
            let html = page.render().expect("renders");
            assert!(!html.contains("<alice>") && html.contains("홍길동"));
            assert!(!html.contains("date-time") && !html.contains("role-admin"));
        }
    }
}
