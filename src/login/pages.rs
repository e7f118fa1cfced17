//! Askama templates of the sign-in and sign-out pages.

use askama::Template;

use crate::web::pages::{Alert, Layout};

/// The sign-in form.
#[derive(Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    pub layout: Layout,
    pub csrf: String,
    pub next: String,
    pub username: String,
    pub is_remembered: bool,
    pub alert: Option<Alert>,
    pub notice: Option<String>,
    pub is_registration_open: bool,
}

/// The form that asks whether to sign out.
#[derive(Template)]
#[template(path = "logout.html")]
pub struct LogoutPage {
    pub layout: Layout,
    pub csrf: String,
    pub next: String,
    pub alert: Option<Alert>,
}

/// The explanation of a redirect loop between an application and the sign-in page.
#[derive(Template)]
#[template(path = "redirect_loop.html")]
pub struct RedirectLoopPage {
    pub layout: Layout,
    pub lead: String,
    pub next: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n;
    use crate::web::error_page::ErrorPage;

    #[test]
    fn every_page_renders_in_every_language() {
        for words in i18n::languages() {
            let layout = || Layout::in_language(words);
            let alert = || Some(Alert { title: "<b>".to_owned(), text: "\"text\"".to_owned() });
            let csrf = || "csrf".to_owned();
            let name = || "<b>\"quoted\"</b>".to_owned();
            let pages = [
                LoginPage {
                    layout: layout(),
                    csrf: csrf(),
                    next: "/docs".to_owned(),
                    username: name(),
                    is_remembered: true,
                    alert: alert(),
                    notice: Some(name()),
                    is_registration_open: true,
                }
                .render(),
                LogoutPage { layout: layout(), csrf: csrf(), next: name(), alert: alert() }.render(),
                RedirectLoopPage { layout: layout(), lead: name(), next: "/docs".to_owned() }.render(),
                ErrorPage {
                    layout: layout(),
                    title: name(),
                    text: name(),
                    request_id: Some(name()),
                    link_href: "/",
                    link_text: name(),
                }
                .render(),
            ];
            for page in pages {
                let page = page.expect("renders");
                assert!(page.contains(&format!("lang=\"{}\"", words.language())));
                assert!(!page.contains("<b>") && !page.contains("\"quoted\""), "escaped: {page}");
                let text = strip_tags(&page);
                for word in text.split_whitespace() {
                    assert!(!(word.contains('-') && words.has(word)), "unresolved key: {word}");
                }
            }
        }
    }

    #[test]
    fn templates_contain_no_untranslated_text() {
        let list = |folder: &str| std::fs::read_dir(folder).expect(folder).map(|file| file.expect("entry").path());
        for path in list("templates").chain(list("templates/mail")).filter(|path| path.is_file()) {
            let source = std::fs::read_to_string(&path).expect("readable");
            let text = strip_tags(&strip_between(&strip_between(&source, "{%", "%}"), "{{", "}}"));
            let letters: String = text.chars().filter(|character| character.is_alphabetic()).collect();
            assert!(letters.is_empty(), "{}: {letters}", path.display());
        }
    }

    fn strip_tags(text: &str) -> String {
        strip_between(text, "<", ">")
    }

    fn strip_between(text: &str, open: &str, close: &str) -> String {
        let mut rest = text;
        let mut kept = String::new();
        while let Some((before, after)) = rest.split_once(open) {
            kept.push_str(before);
            kept.push(' ');
            rest = after.split_once(close).map_or("", |(_, after)| after);
        }
        kept + rest
    }
}
