//! Compiles the C file for the bare target and hands the linker the script and the object.

use std::env;

fn main() {
    let mut c = cc::Build::new();
    // The host's cc cannot compile for the target; who has another one that can names it.
    if env::var_os("CC_aarch64_unknown_none").is_none() {
        c.compiler("clang-22");
    }
    c.file("c/client.c").flag("-ffreestanding").flag("-std=c11").warnings_into_errors(true);
    // The object itself rather than an archive of it: no archiver for a foreign target is needed.
    for object in c.compile_intermediates() {
        println!("cargo:rustc-link-arg-bins={}", object.display());
    }
    let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    println!("cargo:rustc-link-arg-bins=-T{here}/link.ld");
    println!("cargo:rerun-if-changed=c/client.c");
    println!("cargo:rerun-if-changed=link.ld");
    println!("cargo:rerun-if-env-changed=CC_aarch64_unknown_none");
}
