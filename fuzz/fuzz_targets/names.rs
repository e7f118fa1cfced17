//! See `vestibule_fuzz::names`. What may not live here: what holds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vestibule_fuzz::names(data));
