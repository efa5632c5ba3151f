//! Damaged archives: nothing panics, nothing takes long, and nothing gets lost without a word.

mod common;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::{compound, fixtures, look, lzx_cabinet};
use hallmark_archives::Kind;

/// What one damaged archive of some hundred bytes may take; ordinary ones take under a millisecond.
const LONGEST: Duration = Duration::from_secs(2);

/// Panics are counted by a hook of the whole process.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The archives of `tests/data`, and those that tests make.
fn archives() -> Vec<(String, Vec<u8>)> {
    let mut archives = fixtures();
    // Sixty-four megabytes, for the bombs.
    archives.retain(|(name, _)| name != "zeros.xz");
    let streams: [(&str, &[u8]); 3] =
        [("/Macros/VBA/Module1", b"a needle"), ("/Document", &[b'x'; 5000]), ("/empty", b"")];
    archives.push(("compound-3".to_owned(), compound(cfb::Version::V3, &streams)));
    archives.push(("compound-4".to_owned(), compound(cfb::Version::V4, &streams)));
    archives.push(("lzx.cab".to_owned(), lzx_cabinet(&b"a needle in LZX ".repeat(8))));
    archives
}

/// Runs something in which no decoder may panic, even though that would be contained.
fn without_panics(work: impl FnOnce()) {
    std::panic::set_hook(Box::new(|info| {
        let mut panics = PANICS.lock().unwrap();
        if panics.len() < 20 {
            panics.push(info.to_string());
        }
    }));
    work();
    let _ = std::panic::take_hook();
    let panics = std::mem::take(&mut *PANICS.lock().unwrap());
    assert!(panics.is_empty(), "{} panics: {panics:#?}", panics.len());
}

#[test]
fn what_is_whole_is_found_and_what_is_cut_is_told() {
    let mut failures = Vec::new();
    for (name, data) in archives() {
        let whole = look(&data);
        // Long ones are mostly padding.
        let step = if data.len() > 2000 { 97 } else { 1 };
        for end in (0..data.len()).step_by(step) {
            let cut = &data[..end];
            let told = look(cut);
            let same = told.members == whole.members;
            // Of two files one after the other, the first without the second is whole.
            let is_whole = name == "twice.gz" && end == 27;
            if !same && !is_whole && told.left_out.is_empty() && Kind::of(cut).is_some() {
                failures.push(format!("{name} cut to {end}: {:?}", told.lines()));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} got lost, such as {:#?}",
        failures.len(),
        &failures[..failures.len().min(10)]
    );
}

#[test]
fn members_before_the_cut_are_found() {
    for name in ["stored.zip", "deflated.zip", "deflate64.zip", "lzma.zip", "streamed.zip", "ustar.tar"] {
        let data = common::fixture(name);
        let second = data.windows(9).position(|part| part == b"dir/b.txt").unwrap();
        let told = look(&data[..second]);
        assert_eq!(told.content("a.txt"), Some(&b"the first needle\n"[..]), "{name}: {:?}", told.lines());
    }
    // Of a member that is cut, what could be unpacked is looked at.
    let long = b"needle in the first part, ".repeat(1000);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut packer, &long).unwrap();
    let packed = packer.finish().unwrap();
    let told = look(&packed[..packed.len() / 2]);
    assert!(told.members[0].1.len() > 10_000 && long.starts_with(&told.members[0].1), "{:?}", told.left_out);
    assert_eq!(told.lines()[1], "data - damaged: it ends too early");
}

#[test]
fn changed_bytes_do_no_harm() {
    let mut slowest = (Duration::ZERO, String::new());
    for (name, data) in archives() {
        let mut rng = fastrand::Rng::with_seed(data.len() as u64);
        for turn in 0..1500 {
            let mut changed = data.clone();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..changed.len());
                match rng.u8(..3) {
                    0 => changed[at] ^= 1 << rng.u8(..8),
                    1 => changed[at] = rng.u8(..),
                    _ => {
                        let end = (at + 4).min(changed.len());
                        changed[at..end].fill(*rng.choice(&[0, 0xFF, 0x7F]).unwrap());
                    }
                }
            }
            let started = Instant::now();
            without_panics(|| drop(look(&changed)));
            let took = started.elapsed();
            assert!(took < LONGEST, "{name}, turn {turn}: {took:?}");
            if took > slowest.0 {
                slowest = (took, format!("{name}, turn {turn}"));
            }
        }
    }
    println!("slowest: {slowest:?}");
}
