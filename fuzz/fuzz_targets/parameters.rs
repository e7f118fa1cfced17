//! The libFuzzer program for `vestibule_fuzz::parameters`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vestibule_fuzz::parameters(data));
