//! What libpq says: its version, which the system determines unless the feature `bundled` is enabled, and how it reads a URL.

use std::ffi::{CStr, c_char};
use std::ptr;

use zeroize::Zeroizing;

/// The version as libpq counts: 180006 is 18.6.
#[expect(unsafe_code, reason = "pq-sys has no safe wrapper for this call")]
#[must_use]
pub fn libpq_version() -> i32 {
    // SAFETY: the function takes no arguments and returns a constant of the library.
    unsafe { pq_sys::PQlibVersion() }
}

/// The parameters in a connection URI, decoded.
///
/// # Errors
/// libpq's reason, without what it quotes: that can be a part of the password.
#[expect(unsafe_code, reason = "pq-sys has no safe wrapper for these calls")]
pub(super) fn parse(uri: &str) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    if uri.contains('\0') {
        return Err("it has a U+0000".to_owned());
    }
    let uri = Zeroizing::new([uri.as_bytes(), &[0]].concat());
    let mut reason: *mut c_char = ptr::null_mut();
    // SAFETY: both arguments point to valid memory during the call, and the text ends with a zero byte.
    let options = unsafe { pq_sys::PQconninfoParse(uri.as_ptr().cast(), &raw mut reason) };
    if options.is_null() {
        if reason.is_null() {
            return Err("out of memory".to_owned());
        }
        // SAFETY: libpq has set it to a text that ends with a zero byte, which this function frees after its last use.
        let text = unsafe { CStr::from_ptr(reason) }.to_string_lossy().into_owned();
        // SAFETY: as above.
        unsafe { pq_sys::PQfreemem(reason.cast()) };
        return Err(without_quotes(&text));
    }
    let mut parameters = Vec::new();
    let mut next = options;
    // SAFETY: libpq returns an array whose last entry has no keyword; keywords and values end with a zero byte.
    while let Some(option) = unsafe { next.as_ref() }.filter(|option| !option.keyword.is_null()) {
        if !option.val.is_null() {
            let text = |pointer| unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned();
            parameters.push((text(option.keyword), Zeroizing::new(text(option.val))));
        }
        next = unsafe { next.add(1) };
    }
    // SAFETY: the array comes from libpq and is not used any more.
    unsafe { pq_sys::PQconninfoFree(options) };
    Ok(parameters)
}

/// The text before the first quotation mark.
fn without_quotes(text: &str) -> String {
    text.split('"').next().unwrap_or_default().trim().trim_end_matches(':').to_owned()
}
