//! The kept inputs of the fuzz targets (`fuzz/corpus/`), run through the targets' functions.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

/// The maximum number of inputs kept for a target; `bin/fuzz merge` chooses them.
const MAX_INPUTS: usize = 20;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
    let mut names: Vec<String> = entries.map(|path| path.file_stem().expect("a name").display().to_string()).collect();
    names.sort();
    names
}

#[test]
fn every_fuzz_target_accepts_its_corpus() {
    for (name, target) in targets::TARGETS {
        let inputs: Vec<_> = fs::read_dir(folder().join("corpus").join(name)).expect("a corpus").collect();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        assert!(inputs.len() <= MAX_INPUTS, "{name} has {} inputs; run bin/fuzz merge {name}", inputs.len());
        for input in inputs {
            let path = input.expect("readable").path();
            // Names the input if the target panics.
            println!("{}", path.display());
            target(&fs::read(path).expect("readable"));
        }
    }
}

#[test]
fn every_fuzz_target_has_a_binary_and_a_corpus() {
    let targets = targets::TARGETS.map(|(name, _)| name);
    assert_eq!(names(&folder().join("fuzz_targets")), targets);
    assert_eq!(names(&folder().join("corpus")), targets);
}
