//! The libFuzzer program for `vestibule_fuzz::next`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vestibule_fuzz::next(data));
