//! Compiles the C files of the tests, and tells the tests which C compiler that was.

fn main() {
    let mut files: Vec<_> = std::fs::read_dir("tests/c")
        .expect("the folder tests/c")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "c"))
        .collect();
    files.sort();
    println!("cargo::rerun-if-changed=tests/c");
    let mut build = cc::Build::new();
    build.files(files).opt_level(2).flag_if_supported("-pthread").warnings(true);
    // Not into the library: only the tests call them.
    build.cargo_metadata(false).compile("g0_c_tests");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    println!("cargo::rustc-link-arg-tests={out}/libg0_c_tests.a");
    println!("cargo::rustc-link-arg-tests=-lm");
    println!("cargo::rustc-env=G0_CC={}", build.get_compiler().path().display());
}
