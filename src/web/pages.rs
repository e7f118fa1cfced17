//! What all pages share: layout, alert and response.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::brand::Brand;
use super::headers::SCRIPT_POLICY;
use super::return_to::ReturnTo;
use super::{assets, language};
use crate::error::AppError;
use crate::i18n::{self, Translation};

/// Initial size of the buffer for a page, enough for most.
const INITIAL_BYTES: usize = 6 * 1024;

static ICON: LazyLock<&str> = LazyLock::new(|| assets::href("favicon.svg"));
static TIMES_SCRIPT: LazyLock<&str> = LazyLock::new(|| assets::href("times.js"));
static PASSWORD_SCRIPT: LazyLock<&str> = LazyLock::new(|| assets::href("password.js"));

/// The layout of a page: language, brand and assets.
pub struct Layout {
    /// The language tag.
    pub lang: &'static str,
    /// The name and look of the pages.
    pub brand: Arc<Brand>,
    /// The page's address, to which the language switch returns. Its only query is the page's own `next`: another site
    /// cannot choose text that is compressed together with personal data (BREACH).
    pub here: String,
    /// The icon's address.
    pub icon: &'static str,
    /// The address of the script for password fields.
    pub password_script: &'static str,
    /// The address of the script for times.
    pub times_script: &'static str,
    /// The texts in that language.
    pub words: &'static Translation,
}

impl Layout {
    /// The layout for this request.
    #[must_use]
    pub fn new(request: &HttpRequest) -> Self {
        let brand = Arc::clone(&super::config(request).brand);
        let here = ReturnTo::parse_own_page(request.path()).address().to_owned();
        Self::build(language::words_for(request), brand, here)
    }

    /// The layout of a page that continues to `next`.
    #[must_use]
    pub fn with_next(self, next: &ReturnTo) -> Self {
        Self { here: next.append_to(&self.here), ..self }
    }

    /// The layout in a language, without a request.
    #[must_use]
    pub fn in_language(words: &'static Translation) -> Self {
        Self::build(words, Arc::default(), "/".to_owned())
    }

    fn build(words: &'static Translation, brand: Arc<Brand>, here: String) -> Self {
        Self {
            lang: words.language(),
            brand,
            here,
            icon: *ICON,
            password_script: *PASSWORD_SCRIPT,
            times_script: *TIMES_SCRIPT,
            words,
        }
    }

    /// All languages, for the language switch.
    #[must_use]
    pub fn languages(&self) -> &'static [Translation] {
        i18n::languages()
    }

    /// A message without arguments.
    #[must_use]
    pub fn word<'a>(&'a self, key: &'a str) -> &'a str {
        self.words.get(key)
    }
}

/// Loads the texts and compresses the assets of all pages at start-up instead of at the first page.
pub fn load() {
    for words in i18n::languages() {
        let _ = Layout::in_language(words);
    }
}

/// An error message on the page where the error happened.
#[derive(Clone, Debug)]
pub struct Alert {
    /// What happened.
    pub title: String,
    /// What to do next.
    pub text: String,
}

impl Alert {
    /// The alert with the messages `{name}-title` and `{name}-text`.
    #[must_use]
    pub fn named(words: &Translation, name: &str) -> Self {
        Self {
            title: words.get(&format!("{name}-title")).to_owned(),
            text: words.get(&format!("{name}-text")).to_owned(),
        }
    }

    /// [`Self::named`] with the time to wait in the text.
    #[must_use]
    pub fn with_wait(words: &Translation, name: &str, wait: Duration) -> Self {
        let wait = wait_text(words, wait.as_secs());
        let text = words.format(&format!("{name}-text"), &[("wait", wait.into())]);
        Self { title: words.get(&format!("{name}-title")).to_owned(), text }
    }

    /// The alert for too many requests from a network.
    #[must_use]
    pub fn too_many_requests(words: &Translation, wait: Duration) -> Self {
        Self::with_wait(words, "alert-too-many-requests", wait)
    }
}

/// Renders a page.
pub fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
    let mut body = String::with_capacity(INITIAL_BYTES);
    page.render_into(&mut body).map_err(AppError::internal)?;
    Ok(HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")))
        .insert_header((VARY, HeaderValue::from_static("Cookie, Accept-Language, Accept-Encoding")))
        .body(body))
}

/// Renders a page with a script. Only these pages have a policy that allows the server's own scripts.
pub fn html_with_script(status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
    let mut response = html(status, page)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SCRIPT_POLICY));
    Ok(response)
}

/// A 303 redirect, which a browser follows with GET (RFC 9110 §15.4.4).
#[must_use]
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header(("Location", path)).finish()
}

/// A duration to wait, as text.
#[must_use]
pub fn wait_text(words: &Translation, seconds: u64) -> String {
    if seconds < 120 {
        words.format("wait-seconds", &[("count", seconds.into())])
    } else {
        words.format("wait-minutes", &[("count", seconds.div_ceil(60).into())])
    }
}
