//! Where things are: the repository's root, the target folder, the crates.

use std::path::{Path, PathBuf};

/// The five published crates, by folder, in the order of their dependencies.
pub const CRATES: [&str; 5] = ["arch", "stack", "defer", "sched", "cgo"];

/// Workspaces of their own, which the root's commands do not see.
pub const EXCLUDED: [&str; 3] =
    ["integration-tests/no-std", "integration-tests/kernels", "integration-tests/downstream"];

/// The repository's root.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this package lies two folders below the root")
}

/// The target folder that cargo uses: `CARGO_TARGET_DIR`, else `target` in the root.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The excluded workspace's manifest; an error when it is not there.
pub fn manifest(workspace: &str) -> Result<String, String> {
    let path = root().join(workspace).join("Cargo.toml");
    if path.is_file() {
        Ok(path.to_string_lossy().into_owned())
    } else {
        Err(format!("{workspace}/Cargo.toml does not exist: this check has nothing to check"))
    }
}

/// The package of a crate.
pub fn package(krate: &str) -> String {
    format!("g0-{krate}")
}
