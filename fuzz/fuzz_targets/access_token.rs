//! See `vestibule_fuzz::access_token`. What may not live here: what holds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vestibule_fuzz::access_token(data));
