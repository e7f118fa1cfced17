//! The language of a page.

use actix_web::{HttpMessage as _, HttpRequest};

use super::cookies::{self, CookieName};
use super::header;
use crate::i18n::{self, Translation};

/// The language of the signed-in account. `current_user.rs` puts it into the request's extensions, so error pages use
/// it too.
pub(super) struct AccountLanguage(pub String);

/// The texts in the language chosen at this browser; otherwise the account's; otherwise that of `Accept-Language`.
#[must_use]
pub fn words_for(request: &HttpRequest) -> &'static Translation {
    let of_browser = cookies::find(request, CookieName::Language).and_then(|tag| i18n::find(&tag));
    let of_account = || i18n::find(&request.extensions().get::<AccountLanguage>()?.0);
    of_browser.or_else(of_account).unwrap_or_else(|| i18n::words_for(header(request, "accept-language")))
}
