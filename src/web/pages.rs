//! What all pages share: their frame, their alert, and the answer they go out in.
//! What may not live here: a page of a capability.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::brand::Brand;
use super::return_to::ReturnTo;
use super::{assets, language};
use crate::error::AppError;
use crate::i18n::{self, Words};

/// As long as most pages are, so that one is not moved while it grows.
const USUAL_BYTES: usize = 6 * 1024;

static ICON: LazyLock<&str> = LazyLock::new(|| assets::href("favicon.svg"));

/// The frame of a page: its language, its brand and its assets.
pub struct Layout {
    /// The language's tag.
    pub lang: &'static str,
    /// Under whose name it appears.
    pub brand: Arc<Brand>,
    /// The page's address for GET: where the language switch comes back to. Holds nothing of the query but a `next` that the page
    /// put there, so that no other site chooses what stands beside a person's data in a compressed page (BREACH).
    pub here: String,
    /// The icon's address.
    pub icon: &'static str,
    /// The words in that language.
    pub words: &'static Words,
}

impl Layout {
    /// The frame for whoever sent this request, signed in or not.
    #[must_use]
    pub fn new(request: &HttpRequest) -> Self {
        let brand = Arc::clone(&super::config(request).brand);
        let here = ReturnTo::back_to(request.path()).address().to_owned();
        Self::framed(language::words_for(request), brand, here)
    }

    /// The frame of a page that leads on to `next`.
    #[must_use]
    pub fn leading_to(self, next: &ReturnTo) -> Self {
        Self { here: next.after(&self.here), ..self }
    }

    /// The frame in a language, outside of any request.
    #[must_use]
    pub fn in_language(words: &'static Words) -> Self {
        Self::framed(words, Arc::default(), "/".to_owned())
    }

    fn framed(words: &'static Words, brand: Arc<Brand>, here: String) -> Self {
        Self { lang: words.language(), brand, here, icon: *ICON, words }
    }

    /// All languages, for the switch.
    #[must_use]
    pub fn languages(&self) -> &'static [Words] {
        i18n::languages()
    }

    /// A message without arguments.
    #[must_use]
    pub fn word<'a>(&'a self, key: &'a str) -> &'a str {
        self.words.get(key)
    }
}

/// Reads the words and packs the files of all pages. Else the first page does: later, and with code that [`crate::memory`] has just given
/// back and that nothing needs again.
pub fn load() {
    for words in i18n::languages() {
        let _ = Layout::in_language(words);
    }
}

/// What went wrong, on the page that it went wrong on.
#[derive(Clone, Debug)]
pub struct Alert {
    /// In a few words.
    pub title: String,
    /// What to do next.
    pub text: String,
}

impl Alert {
    /// The alert whose words are under `{name}-title` and `{name}-text`.
    #[must_use]
    pub fn named(words: &Words, name: &str) -> Self {
        Self {
            title: words.get(&format!("{name}-title")).to_owned(),
            text: words.get(&format!("{name}-text")).to_owned(),
        }
    }

    /// [`Self::named`] with the time to wait in its text.
    #[must_use]
    pub fn with_wait(words: &Words, name: &str, wait: Duration) -> Self {
        let wait = wait_text(words, wait.as_secs());
        let text = words.format(&format!("{name}-text"), &[("wait", wait.into())]);
        Self { title: words.get(&format!("{name}-title")).to_owned(), text }
    }

    /// The alert for too many requests from a network.
    #[must_use]
    pub fn too_many_requests(words: &Words, wait: Duration) -> Self {
        Self::with_wait(words, "alert-too-many-requests", wait)
    }
}

/// A page as an answer.
///
/// # Errors
/// 500 when it cannot be rendered, which its types rule out.
pub fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
    let mut body = String::with_capacity(USUAL_BYTES);
    page.render_into(&mut body).map_err(AppError::internal)?;
    Ok(HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")))
        .insert_header((VARY, HeaderValue::from_static("Cookie, Accept-Language, Accept-Encoding")))
        .body(body))
}

/// 303 to a path of ours: after a form post the browser goes there by GET (RFC 9110 §15.4.4).
#[must_use]
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header(("Location", path)).finish()
}

/// A wait in words.
#[must_use]
pub fn wait_text(words: &Words, seconds: u64) -> String {
    if seconds < 120 {
        words.format("wait-seconds", &[("count", seconds.into())])
    } else {
        words.format("wait-minutes", &[("count", seconds.div_ceil(60).into())])
    }
}
