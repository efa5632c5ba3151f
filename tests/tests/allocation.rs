//! Scans that have been done before allocate nothing. A program of its own, as it counts what the whole process does.

use dhat::{HeapStats, Profiler};
use hallmark_runtime::{Database, Scanner};
use hallmark_tests::{RulePack, compile_text};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// Rules of every kind that look at bytes: literals, masks, gaps, expressions, patterns on demand, loops.
const RULES: &str = r#"
    import "math"
    rule text { strings: $a = "needle" nocase wide ascii $b = "hay" xor condition: #a > 1 and $b }
    rule hex { strings: $a = { 6E ?? 65 [2-40] 68 61 79 } $b = { 7F 45 4C 46 } condition: $a or $b at 0 }
    rule regex { strings: $a = /ne+dle[a-z ]{3,60}hay/ $b = /[0-9a-f]{8}-[0-9a-f]{4}/ condition: any of them }
    rule loop { strings: $a = "needle" condition: for any i in (1..#a) : (uint8(@a[i]) == 0x6e) }
    rule order { condition: filesize > 10 and uint16(0) != 0 and math.max(1, 2) == 2 }
    rule base { strings: $a = "needle" base64 $s = /[^a-m][n-z][^a-m]q/ condition: $a or #s > 100000 }
"#;

fn files() -> Vec<Vec<u8>> {
    let mut files = vec![
        Vec::new(),
        b"a needle in the hay, and one more NEEDLE, hay".to_vec(),
        b"needle in the hay ".repeat(500),
        [&b"\x7fELF"[..], &[0; 4000], b"n.e01234hay n\0e\0e\0d\0l\0e\0"].concat(),
        vec![b'n'; 70_000],
    ];
    files.push((0..200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect());
    files
}

/// How many blocks all the files take, after they have been scanned a few times.
fn blocks(scanner: &mut Scanner<'_>, files: &[Vec<u8>]) -> u64 {
    let all = |scanner: &mut Scanner<'_>| {
        files.iter().map(|file| scanner.scan(file).unwrap().matches().len()).sum::<usize>()
    };
    for _ in 0..3 {
        all(scanner);
    }
    let before = HeapStats::get().total_blocks;
    for _ in 0..10 {
        all(scanner);
    }
    HeapStats::get().total_blocks - before
}

#[test]
fn scans_allocate_nothing_once_they_are_warm() {
    let _profiler = Profiler::builder().testing().build();
    let database =
        Database::from_image_bytes(&compile_text(RULES).image.expect("the rules compile")).unwrap();
    let files = files();
    let rules: Vec<_> = RULES.matches("rule ").collect();
    assert_eq!(database.rules().count(), rules.len());
    for (fast, strings) in [(false, false), (true, false), (false, true)] {
        let mut scanner = database.scanner();
        scanner.fast(fast).strings(strings);
        assert_eq!(blocks(&mut scanner, &files), 0, "fast {fast}, strings {strings}");
        let matching = files.iter().map(|file| scanner.scan(file).unwrap().matches().len()).sum::<usize>();
        assert!(matching > rules.len(), "{matching}");
    }
    let pack = RulePack::load().unwrap();
    let image = pack.compile().image.expect("the pack compiles");
    let database = Database::from_image_bytes(&image).unwrap();
    let mut scanner = database.scanner();
    assert_eq!(blocks(&mut scanner, &files), 0, "the rule pack");
}
