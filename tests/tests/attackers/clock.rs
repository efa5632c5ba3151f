//! A clock that was set to another time. The store and the runtime read none: a release that has expired is installed
//! and scanned with, and only serials say which of two is newer. What is said of it is tested with the command.

use hallmark_container::encode;
use hallmark_runtime::Database;
use hallmark_tests::signed::{self, auditor, builder};

use crate::endpoint::{CURRENT, Endpoint, NEXT, detects, release, strict};

fn dated(serial: u64, source_date: u64, expires: Option<u64>) -> Vec<u8> {
    let release = release(serial);
    let mut note = release.note().release().clone();
    (note.source_date, note.expires) = (source_date, expires);
    let note = signed::note(&note, &[builder(), auditor()]);
    encode(&note.to_bytes(), b"", release.payload()).unwrap()
}

#[test]
fn dates_decide_neither_about_loading_nor_about_age() {
    for (source_date, expires, now, stale) in [
        (0, Some(0), 1, true),
        (0, Some(86_400), u64::MAX, true),
        (u64::MAX, Some(0), u64::MAX, true),
        (0, Some(u64::MAX), u64::MAX, false),
        (u64::MAX, None, u64::MAX, false),
        (1_763_856_000, Some(1_766_448_000), 0, false),
    ] {
        let endpoint = Endpoint::new();
        // Later dates make no older release newer.
        let older = endpoint.offer(&dated(CURRENT - 1, u64::MAX, Some(u64::MAX)));
        endpoint.refuses("an older release", older, &["OlderSerial"]);
        assert_eq!(endpoint.offer(&dated(NEXT, source_date, expires)), Ok(NEXT));
        assert_eq!(detects(&endpoint.store), NEXT);
        let database = Database::open(&endpoint.store, &strict()).unwrap();
        assert_eq!(database.info().note.as_ref().unwrap().release().is_stale(now), stale);
        // Having expired opens no way back.
        assert_eq!(endpoint.offer(&dated(CURRENT, u64::MAX, Some(u64::MAX))), Err("OlderSerial".to_owned()));
        assert_eq!(detects(&endpoint.store), NEXT);
    }
}
