#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reviewd_fuzz::targets::signature(data));
