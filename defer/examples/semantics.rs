//! Go's semantics where nothing unwinds: the tests of `tests/suite`, run for the unwinder that needs none,
//! in a program whose panics abort.
//!
//! `cargo run -p g0-defer --profile abort --example semantics` (and `--profile abort-dev`)
#![allow(dead_code)]

#[path = "../tests/common/mod.rs"]
mod common;
#[macro_use]
#[path = "../tests/suite/each.rs"]
mod each;
#[path = "../tests/suite/mod.rs"]
mod suite;

fn main() {
    // A check that fails panics, and so ends the program here.
    println!("panics {}", if cfg!(panic = "abort") { "abort" } else { "unwind" });
    let all = [("scopes", suite::scopes::ALL), ("recover", suite::recover::ALL)];
    for (name, tests) in all {
        for (test, run) in tests {
            print!("{name}: {test} ... ");
            run();
            println!("holds");
        }
    }
}
