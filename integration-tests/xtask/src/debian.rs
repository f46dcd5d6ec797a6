//! Debian's compiler and packages: std for processors that the pinned toolchain has none for.
//!
//! Debian ships the sources of std where `-Zbuild-std` finds them. Its cargo is started from inside the pinned one, which
//! has told its children by variables which compiler to use: those are cleared first.

use crate::run::Cmd;
use std::path::PathBuf;

/// Fails with the command to type when a package is missing, or, with `install`, installs it.
pub fn require(packages: &[&str], install: bool) -> Result<(), String> {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    const OPTIONS: [&str; 4] = ["-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
    let command = format!("apt-get install {} {}", OPTIONS.join(" "), missing.join(" "));
    if !install {
        return Err(format!(
            "packages are missing; install them with `--install` or by\n  {command}"
        ));
    }
    if !all_known(&missing)? {
        Cmd::new("apt-get")
            .args(["update", "-q", "-o", "DPkg::Lock::Timeout=300"])
            .limit(600)
            .run()?;
    }
    let apt = Cmd::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    let installed = apt.args(["install", "-q"]).args(OPTIONS).args(&missing).limit(1200).run();
    installed.map_err(|e| format!("{e}; needed: {command}"))
}

/// Returns whether the lists of packages that this machine has name each of them, which lists that are old may not.
fn all_known(packages: &[String]) -> Result<bool, String> {
    for package in packages {
        // One at a time: of several, it succeeds when it knows one.
        if !Cmd::new("apt-cache").args(["show", package]).limit(120).capture()?.success {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Those of the packages that are not installed.
pub fn missing(packages: &[&str]) -> Result<Vec<String>, String> {
    let query = Cmd::new("dpkg-query").args(["-W", "-f", "${Package} ${db:Status-Status}\\n"]);
    let listed = query.args(packages).limit(60).capture()?.stdout;
    Ok(not_installed(packages, &listed))
}

fn not_installed(packages: &[&str], listed: &str) -> Vec<String> {
    let installed =
        |package: &&&str| listed.lines().any(|line| line == format!("{package} installed"));
    packages.iter().filter(|p| !installed(p)).map(|p| p.to_string()).collect()
}

/// A program of Debian's, which is the first in the path that does not lie in a folder of rustup's.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let rustup = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let foreign = |dir: &PathBuf| {
        dir.join("rustup").exists() || rustup.as_ref().is_some_and(|home| dir.starts_with(home))
    };
    let mut dirs = std::env::split_paths(&path).filter(|dir| !foreign(dir));
    dirs.find_map(|dir| Some(dir.join(name)).filter(|p| p.is_file()))
        .ok_or_else(|| format!("{name} is not in the path (outside rustup's folders)"))
}

/// Debian's cargo with Debian's compiler, able to build std from source.
pub fn cargo() -> Result<Cmd, String> {
    with_compiler(Cmd::new(program("cargo")?))
}

/// Debian's `cargo clippy`. Its program is started itself: cargo would look for it among rustup's first.
pub fn clippy() -> Result<Cmd, String> {
    let cmd = with_compiler(Cmd::new(program("cargo-clippy")?))?;
    Ok(cmd.env("CARGO", program("cargo")?).args(["clippy"]))
}

fn with_compiler(cmd: Cmd) -> Result<Cmd, String> {
    let inherited = std::env::vars().map(|(name, _)| name).filter(|name| ours(name));
    let cmd = cmd.env_remove(inherited);
    let rustc = program("rustc")?;
    let rustdoc = program("rustdoc")?;
    Ok(cmd.env("RUSTC_BOOTSTRAP", "1").env("RUSTDOC", rustdoc).env("RUSTC", rustc))
}

/// Whether a variable belongs to the pinned toolchain and not to its user (who says where the registry is).
fn ours(name: &str) -> bool {
    let keep = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_"];
    let toolchain =
        ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"];
    toolchain.iter().any(|p| name.starts_with(p)) && !keep.iter().any(|p| name.starts_with(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_is_forgotten_and_the_registry_is_not() {
        assert!(ours("CARGO") && ours("RUSTC_WRAPPER") && ours("RUSTUP_TOOLCHAIN"));
        assert!(ours("CARGO_TARGET_DIR") && ours("CARGO_ENCODED_RUSTFLAGS"));
        assert!(!ours("CARGO_HOME") && !ours("CARGO_NET_OFFLINE") && !ours("PATH"));
    }

    #[test]
    fn a_package_known_but_removed_is_missing() {
        let listed = "gdb installed\nlld-22 config-files\n";
        assert_eq!(not_installed(&["gdb", "lld-22", "other"], listed), ["lld-22", "other"]);
    }
}
