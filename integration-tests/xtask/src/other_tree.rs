//! Another tree of the project, to compare this one with: a folder, or a commit, of which a copy is made in the target
//! folder.

use crate::run::Cmd;
use crate::tree;
use std::fs;
use std::path::{Path, PathBuf};

/// Its folder: that folder, or a copy of the commit, made anew.
pub fn folder(other: &str) -> Result<PathBuf, String> {
    if let Ok(folder) = Path::new(other).canonicalize() {
        return Ok(folder);
    }
    let commit = format!("{other}^{{commit}}");
    let parse = Cmd::new("git").args(["rev-parse", "--verify", &commit]).dir(tree::root());
    let commit = parse.stdout().map_err(|e| format!("{other} is no folder and no commit: {e}"))?;
    let place = tree::target().join("other");
    let (folder, archive) = (place.join("tree"), place.join("tree.tar"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let git = Cmd::new("git").args(["archive", "--format=tar", commit.trim(), "-o"]);
    git.args([&archive]).dir(tree::root()).run()?;
    // The files are of now: cargo would take those of a commit's date for older than what it built of another commit.
    Cmd::new("tar").args(["--touch", "-xf"]).args([&archive]).dir(&folder).run()?;
    fs::remove_file(&archive).map_err(|e| format!("{}: {e}", archive.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_folder_nor_commit_is_an_error() {
        assert!(folder("no/such-thing").unwrap_err().contains("no folder and no commit"));
    }
}
