//! `cargo xtask no-std`: each crate alone, linked into an image that has no std.
//!
//! `cargo build --no-default-features` on a hosted target proves nothing: std is there and gets linked. The packages
//! `nostd-<crate>` are `no_main` programs, which check what they compute, with a panic handler of their own, so that std, if it came in through any
//! dependency, would bring a second one: error E0152. With the feature `std` on that error is demanded, or the proof
//! would pass even when it proves nothing.

use crate::report::Report;
use crate::run::Cmd;
use crate::tree;

const WORKSPACE: &str = "integration-tests/no-std";

fn build(krate: &str, feature: &str) -> Result<Cmd, String> {
    let manifest = tree::manifest(WORKSPACE)?;
    let target = tree::target().join("no-std");
    let package = format!("nostd-{krate}");
    let cmd =
        Cmd::cargo().args(["build", "--release", "--manifest-path", &manifest, "-p", &package]);
    let cmd = if feature.is_empty() { cmd } else { cmd.args(["--features", feature]) };
    // From the workspace's own folder, where its configuration (link arguments) is found.
    Ok(cmd.args(["--target-dir".as_ref(), target.as_os_str()]).dir(&tree::root().join(WORKSPACE)))
}

/// Links and runs every crate with `{}` and `alloc`, and demands that `std` does not link.
pub fn run(report: &mut Report) {
    for krate in tree::CRATES {
        for feature in ["", "alloc"] {
            report.step(&format!("no-std {krate} {{{feature}}}"), || {
                build(krate, feature)?.run()?;
                let program = format!("no-std/release/nostd-{krate}");
                Cmd::new(tree::target().join(program)).limit(60).run()
            });
        }
        report.step(&format!("no-std {krate} {{std}} must fail"), || {
            let out = build(krate, "std")?.capture()?;
            if out.success {
                return Err("it linked although std is in it: the proof proves nothing".into());
            }
            if !out.stderr.contains("E0152") {
                return Err(format!("it failed, but not by error E0152:\n{}", out.stderr));
            }
            println!("  failed with E0152, as it must");
            Ok(())
        });
    }
}

/// Clippy over the proof's own sources.
pub fn lint(deny: &[&str]) -> Result<(), String> {
    let manifest = tree::manifest(WORKSPACE)?;
    let target = tree::target().join("no-std");
    let cmd =
        Cmd::cargo().args(["clippy", "--release", "--workspace", "--manifest-path", &manifest]);
    let cmd = cmd.args(["--target-dir".as_ref(), target.as_os_str()]).args(deny);
    cmd.dir(&tree::root().join(WORKSPACE)).run()
}
