//! The libFuzzer program for `vestibule_fuzz::access_token`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vestibule_fuzz::access_token(data));
