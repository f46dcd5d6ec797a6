//! Builds our C files; SQLite comes built by its own crate.

fn main() {
    let mut build = cc::Build::new();
    let mut files: Vec<_> = std::fs::read_dir("c")
        .expect("the folder c")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "c"))
        .collect();
    files.sort();
    println!("cargo::rerun-if-changed=c");
    // What the comparison's program has in common with Go's.
    println!("cargo::rerun-if-changed=peers/go/rests.h");
    build
        .files(files)
        .opt_level(2)
        .flag_if_supported("-pthread")
        .warnings(true)
        .compile("g0_tests");
}
