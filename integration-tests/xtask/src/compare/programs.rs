//! The programs that are compared: how each is built, and which rows it says it has.

use super::golang;
use crate::run::Cmd;
use crate::{debian, tree};
use std::path::{Path, PathBuf};

/// A program that speaks the protocol of `integration-tests/peers/README.md`.
pub struct Program {
    /// The peer that it is; one with several peers says which in the names of its rows.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// The names of its rows.
    pub rows: Vec<String>,
}

impl Program {
    /// g0's own side.
    pub fn g0() -> Result<Program, String> {
        Program::list("g0", cargo("g0-integration-tests", "bench")?)
    }

    /// g0 of this tree, and twice that of the tree in `other`, each with the bench program of its own.
    pub fn trees(other: &Path) -> Result<Vec<Program>, String> {
        let here = Program::list("after", cargo("g0-integration-tests", "bench")?)?;
        let target = tree::target().join("compare");
        let bench = cargo_in(other, &target, "g0-integration-tests", "bench")?;
        let there = |name| Program::list(name, bench.clone());
        Ok(vec![there("before")?, there("again")?, here])
    }

    /// The peers; each is there or says why it is not.
    pub fn peers(install: bool) -> Vec<(&'static str, Result<Program, String>)> {
        let list =
            |name, path: Result<PathBuf, String>| (name, path.and_then(|p| Program::list(name, p)));
        vec![
            list("go", golang::build()),
            list("rust", cargo("g0-peers", "g0-peers")),
            list("boost", boost(install)),
        ]
    }

    fn list(name: &str, path: PathBuf) -> Result<Program, String> {
        let out = Cmd::new(&path).args(["--list"]).limit(60).stdout()?;
        let rows: Vec<String> = out.split_whitespace().map(String::from).collect();
        if rows.is_empty() {
            return Err("it lists no row".into());
        }
        Ok(Program { name: name.into(), path, rows })
    }
}

/// The program that a peer comes from.
pub fn of_peer(peer: &str) -> &'static str {
    match peer {
        "migrating" => "g0",
        "go" => "go",
        "boost" => "boost",
        _ => "rust",
    }
}

fn cargo(package: &str, bin: &str) -> Result<PathBuf, String> {
    cargo_in(tree::root(), &tree::target(), package, bin)
}

fn cargo_in(tree: &Path, target: &Path, package: &str, bin: &str) -> Result<PathBuf, String> {
    let args = ["build", "--locked", "--release", "-p", package, "--bin", bin];
    let build = Cmd::cargo().args(args).args(["--target-dir".as_ref(), target.as_os_str()]);
    build.dir(tree).run()?;
    Ok(target.join("release").join(bin))
}

fn boost(install: bool) -> Result<PathBuf, String> {
    debian::require(&["g++", "libboost-context-dev", "libboost-fiber-dev"], install)?;
    let sources = tree::root().join("integration-tests/peers/cpp");
    let program = folder()?.join("boost-peer");
    let cmd = Cmd::new("g++").args(["-std=c++17", "-O2", "-DNDEBUG"]).dir(&sources);
    let cmd = cmd.args(["main.cpp", "switch.cpp", "fibers.cpp", "many.cpp", "time.cpp"]);
    let cmd = cmd.args(["-o"]).args([&program]);
    cmd.args(["-lboost_fiber", "-lboost_context", "-lpthread"]).limit(300).run()?;
    Ok(program)
}

/// The folder of the programs that cargo does not build.
pub fn folder() -> Result<PathBuf, String> {
    let dir = tree::target().join("peers");
    create(&dir)?;
    Ok(dir)
}

/// Makes a folder where there is none.
pub fn create(dir: &Path) -> Result<(), String> {
    std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))
}
