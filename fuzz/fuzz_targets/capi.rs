#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| hallmark_tests::fuzz::capi(data));
