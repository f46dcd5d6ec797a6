//! How every program of this workspace is linked: no C runtime, no libc, nothing dynamic.

fn main() {
    for arg in ["-nostartfiles", "-nostdlib", "-static", "-no-pie"] {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
    println!("cargo:rerun-if-changed=../link.rs");
}
