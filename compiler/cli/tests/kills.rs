//! `hallmark install` killed at any moment: the store holds the database before or the next one, whole, and it detects.
//! `HALLMARK_TEST_FACTOR=20 cargo test -p hallmark-cli --test kills` kills a thousand.

mod common;

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use common::Folder;
use hallmark_container::{Container, Demand, SignedNote, VerifiedNote, encode, verify_note};
use hallmark_publish::{SecretKey, sign_note};
use hallmark_runtime::Database;
use hallmark_store::{LoadPolicy, read_policy, store_state};

/// How many installations are killed without `HALLMARK_TEST_FACTOR`.
const KILLS: u32 = 50;

/// Two databases, one for serials that are even and one for those that are odd.
struct Offers {
    keys: [SecretKey; 2],
    releases: [(VerifiedNote, Vec<u8>); 2],
}

impl Offers {
    fn new(folder: &Folder) -> Self {
        folder.make_keys();
        let key = |name: &str| SecretKey::load(&folder.path(&format!("keys/test_{name}.secret"))).unwrap();
        let release = |name: &str| {
            // Of a size that takes some time to write.
            let others: String = (0..2000)
                .map(|n| format!("rule r{n} {{ strings: $a = \"{name} {n} {n}\" condition: $a }}\n"))
                .collect();
            let rule = format!("rule {name} {{ strings: $a = \"needle\" condition: $a }}\n");
            folder.write("rules.yar", others + &rule);
            let built = format!("{name}.hmk");
            folder.run(&["build", "rules.yar", "-o", &built, "--db", "test/core"]).expect(0, "");
            let bytes = std::fs::read(folder.path(&built)).unwrap();
            let container = Container::parse(&bytes).unwrap();
            let note = verify_note(container.note(), Demand::Tolerant(None)).unwrap();
            (note, container.payload().to_vec())
        };
        Offers { keys: ["build", "audit"].map(key), releases: ["Even", "Odd"].map(release) }
    }

    fn container(&self, serial: u64) -> Vec<u8> {
        let (note, payload) = &self.releases[(serial % 2) as usize];
        let mut release = note.release().clone();
        release.serial = serial;
        let note = SignedNote::unsigned(&release).unwrap();
        let note = self.keys.iter().fold(note, |note, key| sign_note(&note, key).unwrap());
        encode(&note.to_bytes(), b"", payload).unwrap()
    }
}

/// The serial in force, which must not be a fallback, and must detect as its database does.
fn detects(store: &Path, policy: &LoadPolicy) -> u64 {
    let database = Database::open(store, policy).unwrap();
    assert_eq!(database.info().fallback, None);
    let serial = database.info().note.as_ref().unwrap().release().serial;
    let mut scanner = database.scanner();
    let report = scanner.scan(b"a needle").unwrap();
    let found: Vec<_> = report.matches().map(|rule| rule.rule().to_owned()).collect();
    assert_eq!(found, [if serial.is_multiple_of(2) { "Even" } else { "Odd" }]);
    serial
}

#[test]
fn killed_installations_lose_nothing() {
    let factor = std::env::var("HALLMARK_TEST_FACTOR").ok().and_then(|factor| factor.parse().ok());
    let kills = KILLS * factor.unwrap_or(1);
    let folder = Folder::new();
    let offers = Offers::new(&folder);
    let policy = LoadPolicy::require(read_policy(&folder.path("policy")).unwrap());
    let store = folder.path("store");
    let install = ["install", "next.hmk", "--store", "store", "--policy", "policy"];

    folder.write("next.hmk", offers.container(1));
    folder.run(&install).expect(0, "");
    let started = Instant::now();
    folder.write("next.hmk", offers.container(2));
    folder.run(&install).expect(0, "");
    // Killed somewhere up to this time, which follows how busy the machine is.
    let mut within = started.elapsed();
    let (mut serial, mut killed, mut committed, mut n) = (2, 0, 0, 0);
    while killed < kills {
        n += 1;
        assert!(n < 20 * kills, "{killed} of {n} were killed; the others had finished");
        folder.write("next.hmk", offers.container(serial + 1));
        let mut child = folder.command(&install).spawn().unwrap();
        // Multiples of the golden ratio are spread evenly, however many there are.
        std::thread::sleep(within.mul_f64((f64::from(n) * 0.618_033_988_749_895).fract()));
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        let now = detects(&store, &policy);
        assert!(now == serial || now == serial + 1, "kill {n}: {now} after {serial}");
        assert_eq!(store_state(&store).unwrap().floor, now, "kill {n}");
        assert!(now == serial + 1 || !ended.success(), "kill {n}: said to be installed");
        if ended.signal().is_some() {
            killed += 1;
            committed += u32::from(now > serial);
        }
        let factor = if ended.success() { 0.93 } else { 1.03 };
        within = within.mul_f64(factor).max(Duration::from_millis(1));
        serial = now;
    }
    println!("{n} installations, {killed} killed, of these {committed} after the switch, 0 lost");
    // Nothing stays behind of any of them.
    folder.write("next.hmk", offers.container(serial + 1));
    folder.run(&install).expect(0, "");
    let files = |name: &str| std::fs::read_dir(store.join(name)).unwrap().count();
    assert_eq!(["images", "notes", "policies"].map(files), [2, 2, 1]);
}
