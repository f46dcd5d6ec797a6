//! The counted program, built over the crates of a tree.
//!
//! A tree need not have the program: a package outside of both trees, `target/instructions/before` or `after`, takes its
//! source from this tree and its crates, with the versions that they were locked to, from the other one. Both are built
//! by this tree's toolchain with this tree's release profile, and so differ by their crates alone.

use crate::run::Cmd;
use crate::tree;
use std::fs;
use std::path::{Path, PathBuf};

const SOURCE: &str = "integration-tests/src/bin/count/main.rs";

/// Builds the program over the crates of `tree` for release. Where it is.
pub fn build(tree: &Path, name: &str) -> Result<PathBuf, String> {
    let package = tree::target().join("instructions").join(name);
    let release = release(&read(&tree::root().join("Cargo.toml"))?)?;
    let manifest = manifest(tree, &tree::root().join(SOURCE), &release);
    fs::create_dir_all(&package).map_err(|e| format!("{}: {e}", package.display()))?;
    write(&package.join("Cargo.toml"), &manifest)?;
    // cargo adds the package to it, and leaves out what the program does not need.
    write(&package.join("Cargo.lock"), &read(&tree.join("Cargo.lock"))?)?;
    let target = package.join("target");
    let cargo = Cmd::cargo().args(["build", "--release", "--manifest-path"]);
    let cargo = cargo.args([package.join("Cargo.toml").as_os_str()]);
    cargo.args(["--target-dir".as_ref(), target.as_os_str()]).dir(tree::root()).run()?;
    Ok(target.join("release").join("count"))
}

/// A workspace of its own with one program.
fn manifest(tree: &Path, source: &Path, release: &str) -> String {
    let dependency = |(folder, features): (&str, &str)| {
        let path = tree.join(folder);
        format!("g0-{folder} = {{ path = {path:?}, features = [{features}] }}\n")
    };
    let dependencies =
        [("sched", "\"std\""), ("cgo", "\"std\", \"sched\"")].map(dependency).concat();
    // What the program calls by another name in a tree that has not got today's; see its `names.rs`.
    let has = |file: &str| {
        let text = fs::read_to_string(tree.join("sched/src/hosted").join(file));
        text.is_ok_and(|text| text.contains("fn build_pinned"))
    };
    let today = has("builder.rs") || has("runtime.rs");
    let default = if today { "" } else { "\"before-build-pinned\"" };
    format!(
        "[workspace]\n\n[package]\nname = \"count\"\nedition = \"2024\"\n\n\
         [[bin]]\nname = \"count\"\npath = {source:?}\n\n\
         [features]\ndefault = [{default}]\nbefore-build-pinned = []\n\n[dependencies]\n{dependencies}\n{release}"
    )
}

/// The release profile of the root's manifest, as it is written there.
fn release(manifest: &str) -> Result<String, String> {
    const HEAD: &str = "[profile.release]\n";
    let from = manifest.find(HEAD).ok_or("Cargo.toml has no release profile")?;
    let settings = &manifest[from + HEAD.len()..];
    let end = settings.find("\n[").map_or(settings.len(), |end| end + 1);
    Ok(format!("{HEAD}{}", &settings[..end]))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_profile_is_taken_as_it_is() {
        let text =
            "[workspace]\n\n[profile.release]\nlto = \"thin\"\n\n[profile.abort]\npanic = 1\n";
        assert_eq!(release(text).unwrap(), "[profile.release]\nlto = \"thin\"\n\n");
        assert_eq!(release("[profile.release]\nlto = 1").unwrap(), "[profile.release]\nlto = 1");
        assert!(release("[profile.dev]\n").is_err());
    }

    #[test]
    fn this_tree_is_built_with_inlining_across_crates() {
        let release = release(&read(&tree::root().join("Cargo.toml")).unwrap()).unwrap();
        assert!(release.contains("lto = \"thin\"") && release.contains("codegen-units = 1"));
    }

    #[test]
    fn the_package_names_the_crates_of_the_tree_and_this_source() {
        let text = manifest("/a b".as_ref(), "/c/main.rs".as_ref(), "[profile.release]\n");
        assert!(
            text.contains("g0-cgo = { path = \"/a b/cgo\", features = [\"std\", \"sched\"] }\n")
        );
        assert!(text.contains("path = \"/c/main.rs\"\n") && text.ends_with("[profile.release]\n"));
    }
}
