//! A user's project that models nothing: no model checker comes with g0's crates.
//!
//! A lock file lists the dependencies of every cfg, also of one that is never set, and leaves out those of features that
//! are not asked for. The project is made anew, outside of the workspace, and asks for all features but the checkers'.

use crate::downstream::LOOM;
use crate::report::Report;
use crate::run::Cmd;
use crate::{features, tree};
use std::fs;
use std::path::{Path, PathBuf};

/// The features that bring a model checker, and how the names of its packages begin.
const CHECKERS: [&str; 2] = ["loom", "shuttle"];

/// Looks at the project's lock file, and at what it is told when it is built with `--cfg loom`.
pub fn run(report: &mut Report) {
    report.step("a lock file without models", || {
        let project = make()?;
        // It keeps what the workspace has locked, so that no newer versions are looked for, and drops what is not needed.
        Cmd::cargo().args(["update", "--workspace", "--quiet"]).dir(&project).limit(120).run()?;
        judge(&packages(&read(&project.join("Cargo.lock"))?))
    });
    report.step("loom without its feature refused", || {
        let check = Cmd::cargo().args(["check", "-p", "g0-arch", "--target-dir"]);
        let check = check.args([tree::target().join("fresh-loom")]).env(LOOM.0, LOOM.1);
        let out = check.dir(&make()?).limit(600).capture()?;
        out.refused("--cfg loom needs the feature `loom`")
    });
}

/// Writes the project, which depends on all the crates.
fn make() -> Result<PathBuf, String> {
    let project = tree::target().join("fresh");
    let mut manifest = "[workspace]\n[package]\nname = \"fresh\"\n[dependencies]\n".to_string();
    for krate in tree::CRATES {
        let path = tree::root().join(krate);
        let mut features = features::features(&read(&path.join("Cargo.toml"))?);
        features.retain(|feature| !CHECKERS.contains(&feature.as_str()));
        let package = tree::package(krate);
        manifest += &format!("{package} = {{ path = {path:?}, features = {features:?} }}\n");
    }
    let lock = read(&tree::root().join("Cargo.lock"))?;
    let written = fs::create_dir_all(project.join("src"))
        .and_then(|()| fs::write(project.join("src/lib.rs"), ""))
        .and_then(|()| fs::write(project.join("Cargo.toml"), manifest))
        .and_then(|()| fs::write(project.join("Cargo.lock"), lock));
    written.map(|()| project).map_err(|e| format!("a fresh project cannot be written: {e}"))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// The names of the packages in a lock file.
fn packages(lock: &str) -> Vec<&str> {
    lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect()
}

/// All the crates must be there, and no checker.
fn judge(packages: &[&str]) -> Result<(), String> {
    if let Some(krate) = tree::CRATES.map(tree::package).iter().find(|k| !packages.contains(&&***k))
    {
        return Err(format!("{krate} is not in the lock file: there is nothing to see in it"));
    }
    let checker = |name: &&&str| CHECKERS.iter().any(|checker| name.starts_with(checker));
    match packages.iter().find(checker) {
        Some(checker) => Err(format!("{checker} is in the lock file of a project without models")),
        None => {
            println!("  {} packages, no model checker", packages.len());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checker_is_seen_and_so_is_a_lock_file_without_g0() {
        let crates = tree::CRATES.map(tree::package);
        let lock = crates.iter().map(|name| format!("[[package]]\nname = \"{name}\"\n"));
        let lock = lock.collect::<String>();
        assert_eq!(judge(&packages(&lock)), Ok(()));
        let with = format!("{lock}[[package]]\nname = \"shuttle-engine\"\n");
        assert!(judge(&packages(&with)).unwrap_err().contains("shuttle-engine"));
        assert!(judge(&packages("name = \"g0-arch\"\n")).unwrap_err().contains("g0-stack"));
    }
}
