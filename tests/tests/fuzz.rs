//! Every input of the corpus, and every input that once failed, through its target.

use hallmark_tests::fuzz::{Plan, TARGETS, corpus, folder, regressions};

/// Inputs made from the corpus that each target is given here; `.ci/run` tries more.
const CHANGED: u64 = 300;

/// Bytes that the committed inputs may have in all.
const MAX_BYTES: usize = 300 << 10;

#[test]
fn inputs_pass() {
    for target in TARGETS {
        let corpus = corpus(target.name).unwrap();
        assert!(corpus.len() > 5, "{} has no corpus to speak of", target.name);
        for (path, input) in corpus.iter().chain(&regressions(target.name).unwrap()) {
            println!("{}", path.display());
            (target.run)(input);
        }
        let plan = Plan::new(0, corpus.into_iter().map(|(_, input)| input).collect(), target.tokens);
        for index in 0..CHANGED {
            println!("{} {index}", target.name);
            (target.run)(&plan.input(index));
        }
    }
}

#[test]
fn the_folders_are_those_of_targets_and_small() {
    let mut bytes = 0;
    for kind in ["corpus", "regressions"] {
        for entry in std::fs::read_dir(folder().join(kind)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(TARGETS.iter().any(|target| target.name == name), "no target is called {name}");
        }
    }
    for target in TARGETS {
        for (_, input) in corpus(target.name).unwrap().iter().chain(&regressions(target.name).unwrap()) {
            bytes += input.len();
        }
    }
    assert!(bytes <= MAX_BYTES, "{bytes} bytes of inputs");
}
