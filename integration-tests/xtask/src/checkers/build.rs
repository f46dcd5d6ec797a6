//! The test programs, built for a checker.

use super::Checker;
use crate::run::Cmd;
use crate::{debian, tree};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A program to be watched.
#[derive(Clone, Debug)]
pub struct Program {
    /// `folder/test`; `folder/lib` for the tests in a crate's source.
    pub name: String,
    pub path: PathBuf,
    /// Where cargo would run it.
    pub dir: PathBuf,
}

/// What there is to run.
pub struct Programs {
    pub tests: Vec<Program>,
    /// The one with the mistakes.
    pub planted: Program,
}

const TARGET: &str = "x86_64-unknown-linux-gnu";
const PACKAGES: [&str; 6] =
    ["g0-arch", "g0-stack", "g0-defer", "g0-sched", "g0-cgo", "g0-integration-tests"];
const FEATURES: &str = "g0-arch/std,g0-stack/std,g0-defer/std,g0-sched/std,g0-cgo/std,g0-cgo/sched";

/// Builds everything.
pub fn build(checker: Checker) -> Result<Programs, String> {
    let tests = ["test", "--no-run", "--lib", "--tests", "--features", FEATURES];
    let built =
        PACKAGES.iter().fold(cargo(checker)?.args(tests), |cmd, package| cmd.args(["-p", package]));
    let mut tests = built_by(checker, built, "the tests")?;
    tests.sort_by(|a, b| a.name.cmp(&b.name));
    // Built for the tests of its package, as their variable of its name promises.
    let planted = tests.iter().position(|program| program.name == "bin planted");
    let planted = tests.swap_remove(planted.ok_or("`planted` was not built")?);
    tests.retain(|program| !program.name.starts_with("bin "));
    Ok(Programs { tests, planted })
}

/// Builds one program of the integration tests, with features of theirs.
pub fn build_program(checker: Checker, name: &str, features: &str) -> Result<PathBuf, String> {
    let args = ["build", "-p", "g0-integration-tests", "--bin", name, "--features", features];
    let mut programs = built_by(checker, cargo(checker)?.args(args), name)?;
    programs.retain(|program| program.name == format!("bin {name}"));
    Ok(programs.pop().ok_or_else(|| format!("`{name}` was not built"))?.path)
}

/// Cargo for the checker. The sanitizers need a std that is built with them; valgrind does not care.
fn cargo(checker: Checker) -> Result<Cmd, String> {
    let cmd = match checker {
        // Locals on fake stacks, so that a use after return is seen: off in rustc unless asked for.
        Checker::Address => {
            sanitized("address", "g0_asan", "-Cllvm-args=-asan-use-after-return=runtime")?
        }
        Checker::Thread => sanitized("thread", "g0_tsan", "")?,
        Checker::Valgrind => Cmd::cargo().env("RUSTFLAGS", "--cfg g0_valgrind"),
    };
    let cmd = cmd.env("CARGO_PROFILE_DEV_LTO", "off");
    // Optimised a little they take a third of the time, and reports name lines all the same.
    let cmd = cmd.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1").env("CARGO_INCREMENTAL", "0");
    Ok(cmd.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only"))
}

/// What this command of cargo's builds, in the checker's own folder.
fn built_by(checker: Checker, cmd: Cmd, what: &str) -> Result<Vec<Program>, String> {
    let cmd = cmd.args(["--locked", "--message-format=json-render-diagnostics"]);
    let cmd = match checker {
        Checker::Valgrind => cmd,
        _ => cmd.args(["-Zbuild-std=std,panic_unwind,test", "--target", TARGET]),
    };
    let target = tree::target().join(checker.name());
    let cmd = cmd.args(["--target-dir".as_ref(), target.as_os_str()]).dir(tree::root());
    let out = cmd.limit(1800).capture()?;
    if !out.success {
        return Err(format!("{what} cannot be built: {}\n{}", out.ending, out.stderr));
    }
    Ok(programs(&out.stdout))
}

fn sanitized(sanitizer: &str, cfg: &str, more: &str) -> Result<Cmd, String> {
    let flags = format!(
        "--cfg {cfg} -Zsanitizer={sanitizer} -Zexternal-clangrt -Clinker=clang-22 \
         -Clink-arg=-fsanitize={sanitizer} -Cforce-frame-pointers=yes {more}"
    );
    Ok(debian::cargo()?.env("RUSTFLAGS", flags))
}

/// The test programs that cargo's messages name.
fn programs(messages: &str) -> Vec<Program> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| program(&message)).collect()
}

fn program(message: &Value) -> Option<Program> {
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let path = PathBuf::from(message["executable"].as_str()?);
    let dir = Path::new(message["manifest_path"].as_str()?).parent()?.to_path_buf();
    let folder = dir.file_name()?.to_string_lossy().into_owned();
    let name = message["target"]["name"].as_str()?;
    let name = match (message["target"]["kind"][0].as_str()?, &message["profile"]["test"]) {
        ("bin", Value::Bool(false)) => format!("bin {name}"),
        ("lib", Value::Bool(true)) => format!("{folder}/lib"),
        ("test", Value::Bool(true)) => format!("{folder}/{name}"),
        _ => return None,
    };
    Some(Program { name, path, dir })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_program_is_named_by_its_folder() {
        let message = r#"{"reason":"compiler-artifact","manifest_path":"/x/sched/Cargo.toml",
            "target":{"kind":["test"],"name":"join"},"profile":{"test":true},"executable":"/t/join-1"}"#;
        let program = program(&serde_json::from_str(message).unwrap()).unwrap();
        assert_eq!(
            (program.name.as_str(), program.dir.as_path()),
            ("sched/join", Path::new("/x/sched"))
        );
        assert!(programs("{\"reason\":\"build-finished\"}\nnot json\n").is_empty());
    }
}
