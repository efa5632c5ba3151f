//! Runs every case of `suites/`.

use std::collections::BTreeSet;
use std::path::Path;

use hallmark_tests::{Outcome, Summary, TIME_LIMIT, read_cases, run_bounded};

#[test]
fn every_case_is_answered_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no suites in {}", folder.display());
    let mut summary = Summary::default();
    let mut ids = BTreeSet::new();
    let mut skipped = Vec::new();
    for file in files {
        for case in read_cases(&file).unwrap() {
            assert!(ids.insert(case.id.clone()), "two cases are called {}", case.id);
            let outcome = run_bounded(&case, TIME_LIMIT);
            if let Outcome::Skipped(why) = &outcome {
                skipped.push(format!("{}: {why}", case.id));
            }
            summary.add(&case, &outcome);
        }
    }
    println!("{}{}", summary.table(), summary.line());
    let failures: Vec<_> = summary.failures().iter().map(|(id, cause)| format!("{id}: {cause}")).collect();
    assert!(failures.is_empty(), "{} cases failed\n{}", failures.len(), failures.join("\n"));
    assert!(skipped.is_empty(), "cases need what is not there\n{}", skipped.join("\n"));
}
