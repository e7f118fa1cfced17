//! The version of libpq, which the system provides unless the feature `bundled` is enabled.

/// The version as libpq counts: 180006 is 18.6.
#[expect(unsafe_code, reason = "pq-sys has no safe wrapper for this call")]
pub(super) fn version() -> i32 {
    // SAFETY: the function takes no arguments and returns a constant of the library.
    unsafe { pq_sys::PQlibVersion() }
}
