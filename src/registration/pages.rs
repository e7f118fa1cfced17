//! Askama templates of the registration pages.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::error::AppError;
use crate::web::error_page::ErrorPage;
use crate::web::pages::{Alert, Layout, html};

/// The form that requests a registration link.
#[derive(Template)]
#[template(path = "register.html")]
pub struct RegisterPage {
    pub layout: Layout,
    pub csrf: String,
    pub email: String,
    pub alert: Option<Alert>,
}

/// The page that says that registration is closed.
pub fn registration_closed(layout: Layout) -> Result<HttpResponse, AppError> {
    let words = layout.words;
    let page = ErrorPage {
        title: words.get("register-closed-title").to_owned(),
        text: words.get("register-closed-text").to_owned(),
        request_id: None,
        link_href: "/login",
        link_text: words.get("error-link-sign-in").to_owned(),
        layout,
    };
    html(StatusCode::FORBIDDEN, &page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n;

    #[test]
    fn page_renders_in_every_language() {
        for words in i18n::languages() {
            let layout = || Layout::in_language(words);
            let text = || "<b>\"x\"</b>".to_owned();
            let alert = || Some(Alert { title: text(), text: text() });
            let page = RegisterPage { layout: layout(), csrf: text(), email: text(), alert: alert() };
            let page = page.render().expect("renders");
            assert!(!page.contains("<b>") && !page.contains("register-"), "{page}");
        }
    }
}
