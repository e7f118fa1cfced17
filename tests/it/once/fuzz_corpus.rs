//! The fuzz targets over the inputs in `fuzz/corpus/`.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

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
fn fuzz_targets_hold_for_the_corpus() {
    for (name, target) in targets::TARGETS {
        let inputs: Vec<_> = fs::read_dir(folder().join("corpus").join(name)).expect("a corpus").collect();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            let path = input.expect("readable").path();
            // Shown when it fails.
            println!("{}", path.display());
            target(&fs::read(path).expect("readable"));
        }
    }
}

#[test]
fn fuzz_targets_have_a_program_and_a_corpus() {
    let targets = targets::TARGETS.map(|(name, _)| name);
    assert_eq!(names(&folder().join("fuzz_targets")), targets);
    assert_eq!(names(&folder().join("corpus")), targets);
}
