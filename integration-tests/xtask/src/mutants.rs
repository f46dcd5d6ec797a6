//! `cargo xtask mutants [NAME…]`: every known mistake, put into the source, must be found by its model.
//!
//! A mutant is a patch in `integration-tests/mutants`, with a header in front of the diff:
//!
//! ```text
//! model: claim
//! invariant: L5
//! mistake: retake takes the P without looking at the tick
//! ```
//!
//! The model may be one scenario of it (`model: claim/back`), which is all that is run then.
//!
//! The tree, as it is with its uncommitted changes, is copied once. There the unpatched models must pass, unless they
//! have just done so (`ci` runs all of them before). Then each patch is applied, built, and its model, at the same
//! bounds, must fail and name the invariant. A patch that no longer applies is a failure, and so is a mutant that
//! survives: either says that the mutant, not the model, guards nothing any more. The first failure that names the
//! invariant is enough: what else a mutant breaks is not looked for.

use crate::patch::Patch;
use crate::report::Report;
use crate::run::Cmd;
use crate::{loom, tree};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

const MUTANTS: &str = "integration-tests/mutants";

/// What became of a mutant; only `Killed` is well.
struct Row {
    name: String,
    patch: Patch,
    seconds: f64,
    result: Result<String, String>,
}

/// Where the unpatched models must pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unpatched {
    /// Here, first.
    Here,
    /// In a step before, which tells if one does not.
    Before,
}

/// Runs the mutants by these names, or whose names begin so; all when there is none.
pub fn run(report: &mut Report, names: &[String], unpatched: Unpatched) {
    let mut rows = Vec::new();
    report.step("mutants", || {
        let patches = select(read_all(&tree::root().join(MUTANTS))?, names)?;
        let place = Place::copy()?;
        if unpatched == Unpatched::Here {
            place.unchanged(&patches)?;
        }
        for (name, patch) in patches {
            let start = Instant::now();
            let result = place.mutate(&patch);
            let seconds = start.elapsed().as_secs_f64();
            let told = result.as_ref().map_or("FAILED".into(), |told| format!("killed, {told}"));
            println!("  {name}: {seconds:.1} s, {told}");
            rows.push(Row { name, patch, seconds, result });
        }
        table(&rows)
    });
}

fn table(rows: &[Row]) -> Result<(), String> {
    println!("  {:<28} {:<18} {:<10} {:>7}  result", "mutant", "model", "invariant", "seconds");
    for row in rows {
        let result = row.result.as_ref().map_or("FAILED", |_| "killed");
        let Patch { model, invariant, .. } = &row.patch;
        println!("  {:<28} {model:<18} {invariant:<10} {:>7.1}  {result}", row.name, row.seconds);
    }
    let failed: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let error = row.result.as_ref().err()?;
            Some(format!("{} ({}): {error}", row.name, row.patch.mistake))
        })
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// The patches of the folder, by the names of their files.
fn read_all(dir: &Path) -> Result<Vec<(String, Patch)>, String> {
    let files = fs::read_dir(dir).map_err(|e| format!("{MUTANTS}: {e}"))?;
    let mut patches = Vec::new();
    for file in files {
        let path = file.map_err(|e| e.to_string())?.path();
        if path.extension().is_none_or(|e| e != "patch") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).map_err(|e| format!("{name}: {e}"))?;
        let patch = Patch::parse(path, &text).map_err(|e| format!("{name}: {e}"))?;
        patches.push((name, patch));
    }
    patches.sort_by(|a, b| a.0.cmp(&b.0));
    if patches.is_empty() { Err(format!("{MUTANTS} has no patch")) } else { Ok(patches) }
}

/// A name stands for the mutant, and for all whose names go on from it with a hyphen.
fn select(all: Vec<(String, Patch)>, names: &[String]) -> Result<Vec<(String, Patch)>, String> {
    let meant = |mutant: &str, name: &String| {
        mutant
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|(n, _)| !meant(n, name))) {
        return Err(format!("there is no mutant {unknown}"));
    }
    let asked = |mutant: &str| names.is_empty() || names.iter().any(|name| meant(mutant, name));
    Ok(all.into_iter().filter(|(mutant, _)| asked(mutant)).collect())
}

/// The models and scenarios that the patches name, each once: no scenario beside its model.
fn models(patches: &[(String, Patch)]) -> Vec<&str> {
    let mut models: Vec<&str> = patches.iter().map(|(_, patch)| patch.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    let whole = models.clone();
    models.retain(|model| model.split_once('/').is_none_or(|(model, _)| !whole.contains(&model)));
    models
}

/// The copy of the tree, in which mistakes are made.
struct Place {
    tree: PathBuf,
    target: PathBuf,
}

impl Place {
    fn copy() -> Result<Place, String> {
        let base = tree::target().join("mutants");
        let place = Place { tree: base.join("tree"), target: base.join("target") };
        let _ = fs::remove_dir_all(&place.tree);
        let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let list = Cmd::new("git").args(args).dir(tree::root()).stdout()?;
        for file in list.split('\0').filter(|file| !file.is_empty()) {
            // Deleted but not yet committed: then it is not part of the tree.
            if tree::root().join(file).exists() {
                place.restore(file)?;
            }
        }
        Ok(place)
    }

    /// Puts the file of the repository into the copy.
    fn restore(&self, file: &str) -> Result<(), String> {
        let to = self.tree.join(file);
        let copied = fs::create_dir_all(to.parent().unwrap_or(&self.tree))
            .and_then(|()| fs::read(tree::root().join(file)))
            .and_then(|bytes| fs::write(&to, bytes));
        copied.map_err(|e| format!("copying {file}: {e}"))
    }

    /// Without a mistake every model must pass, or what it says about a mutant is worth nothing.
    fn unchanged(&self, patches: &[(String, Patch)]) -> Result<(), String> {
        let program = loom::build(&self.tree, &self.target)?;
        for model in models(patches) {
            let out = Cmd::new(&program).args([model]).dir(&self.tree).limit(300).capture()?;
            if !out.success {
                return Err(format!("{model} fails without any mistake:\n{}", out.text()));
            }
        }
        Ok(())
    }

    fn mutate(&self, patch: &Patch) -> Result<String, String> {
        let result = self.apply(patch).and_then(|()| self.judge(patch));
        for file in &patch.files {
            self.restore(file)?;
        }
        result
    }

    fn apply(&self, patch: &Patch) -> Result<(), String> {
        // Inside a repository git leaves out, in silence, what lies outside the present folder: it may not see one.
        let git = Cmd::new("git")
            .env("GIT_CEILING_DIRECTORIES", self.tree.parent().unwrap_or(&self.tree));
        let out = git.args(["apply"]).args([&patch.path]).dir(&self.tree).capture()?;
        if !out.success {
            return Err(format!("the patch no longer applies:\n{}", out.text()));
        }
        let same = |file: &String| {
            fs::read(self.tree.join(file)).ok() == fs::read(tree::root().join(file)).ok()
        };
        match patch.files.iter().find(|file| same(file)) {
            Some(file) => Err(format!("the patch changed nothing in {file}")),
            None => Ok(()),
        }
    }

    fn judge(&self, patch: &Patch) -> Result<String, String> {
        let program = loom::build(&self.tree, &self.target)?;
        let args = ["--until", &patch.invariant, &patch.model];
        let out = Cmd::new(program).args(args).dir(&self.tree).limit(300).capture()?;
        if matches!(out.signal, Some(libc::SIGSEGV | libc::SIGBUS | libc::SIGABRT)) {
            // With the mistake in it the model has used memory that had gone: what is found there differs from run to
            // run, and this is one way to find it.
            return Ok(out.ending);
        }
        patch.verdict(out.success, &out.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(String, Patch)> {
        let patch = |name: &str, model: &str| {
            let text = format!("model: {model}\ninvariant: L5\nmistake: one\n+++ b/a.rs\n");
            (name.to_string(), Patch::parse(name.into(), &text).unwrap())
        };
        vec![
            patch("claim-a", "claim"),
            patch("claim-a-b", "claim/back"),
            patch("claims", "idle/ring"),
        ]
    }

    fn names(asked: &[&str]) -> Result<Vec<String>, String> {
        let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
        Ok(select(all(), &asked)?.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn a_name_is_a_mutant_or_the_beginning_of_some() {
        assert_eq!(names(&[]).unwrap().len(), 3);
        assert_eq!(names(&["claim"]).unwrap(), ["claim-a", "claim-a-b"]);
        assert_eq!(names(&["claim-a-b", "claims"]).unwrap(), ["claim-a-b", "claims"]);
        assert!(names(&["claim", "cla"]).unwrap_err().contains("cla"));
    }

    #[test]
    fn a_model_that_is_run_is_not_run_by_scenarios_too() {
        assert_eq!(models(&all()), ["claim", "idle/ring"]);
    }
}
