//! The libFuzzer program for `vestibule_fuzz::seed_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vestibule_fuzz::seed_file(data));
