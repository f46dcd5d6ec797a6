//! A mutant's file: the header that says what must find it, and the diff.

use std::path::PathBuf;

/// A known mistake.
#[derive(Debug)]
pub struct Patch {
    /// The file.
    pub path: PathBuf,
    /// The model that must fail, or the scenario: `claim`, `claim/back`.
    pub model: String,
    /// The invariant that its failure must name.
    pub invariant: String,
    /// The mistake in words.
    pub mistake: String,
    /// The files that the diff changes.
    pub files: Vec<String>,
}

impl Patch {
    /// Reads the header and the names of the changed files.
    pub fn parse(path: PathBuf, text: &str) -> Result<Patch, String> {
        let header = text.lines().take_while(|l| !l.starts_with("--- ") && !l.starts_with("diff "));
        let header: Vec<&str> = header.collect();
        let field = |name: &str| {
            let value = header.iter().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
            let value = value.map(str::trim).filter(|v| !v.is_empty());
            value.map(String::from).ok_or_else(|| format!("its header has no `{name}:`"))
        };
        let files = text.lines().filter_map(|l| l.strip_prefix("+++ b/"));
        let files: Vec<String> =
            files.map(|f| f.split('\t').next().unwrap_or(f).to_string()).collect();
        if files.is_empty() {
            return Err("it changes no file (`+++ b/…`)".into());
        }
        let (model, invariant, mistake) = (field("model")?, field("invariant")?, field("mistake")?);
        Ok(Patch { path, model, invariant, mistake, files })
    }

    /// Killed: the model failed, and said by which invariant. What it said.
    pub fn verdict(&self, model_passed: bool, text: &str) -> Result<String, String> {
        if model_passed {
            return Err(format!("survived: model {} passes with the mistake in it", self.model));
        }
        // The line of the table names the model's invariants whichever of them failed.
        let table = |line: &&str| {
            let verdict = ["ok", "FAILED"].iter().any(|v| line.trim_end().ends_with(v));
            verdict && line.trim_start().starts_with(&self.model)
        };
        let mut told = text.lines().filter(|line| !table(line));
        match told.find(|line| names(line, &self.invariant)) {
            Some(line) => Ok(line.trim().to_string()),
            None => {
                let Patch { model, invariant, .. } = self;
                let failed = format!("model {model} failed, but its failure does not name");
                Err(format!("{failed} {invariant}:\n{text}"))
            }
        }
    }
}

/// Whether the line names the invariant: as a word, so that L1 is not found in L11.
fn names(text: &str, invariant: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().any(|word| word == invariant)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "model: claim\ninvariant: L5\nmistake: the tick is not looked at\n\n\
        --- a/sched/src/claim.rs\n+++ b/sched/src/claim.rs\n@@ -1 +1 @@\n-a\n+b\n";

    fn patch() -> Patch {
        Patch::parse("x.patch".into(), TEXT).unwrap()
    }

    #[test]
    fn the_header_and_the_files_are_read() {
        let patch = patch();
        assert_eq!((patch.model.as_str(), patch.invariant.as_str()), ("claim", "L5"));
        assert_eq!(patch.mistake, "the tick is not looked at");
        assert_eq!(patch.files, ["sched/src/claim.rs"]);
    }

    #[test]
    fn a_header_without_its_invariant_is_an_error() {
        let text = TEXT.replace("invariant: L5\n", "");
        let error = Patch::parse("x.patch".into(), &text).unwrap_err();
        assert!(error.contains("`invariant:`"), "{error}");
        // What stands in the diff is not header.
        let text = format!("{text}+invariant: L5\n");
        assert!(Patch::parse("x.patch".into(), &text).is_err());
    }

    #[test]
    fn a_patch_that_changes_nothing_is_an_error() {
        let text = TEXT.split("---").next().unwrap();
        assert!(Patch::parse("x.patch".into(), text).unwrap_err().contains("no file"));
    }

    #[test]
    fn only_a_failure_that_names_the_invariant_kills() {
        let patch = patch();
        assert_eq!(patch.verdict(false, " L5: two owners\n at").unwrap(), "L5: two owners");
        assert!(patch.verdict(true, "claim L5 ok").unwrap_err().contains("survived"));
        assert!(patch.verdict(false, "panicked: L55").unwrap_err().contains("does not name"));
        assert!(patch.verdict(false, "index out of bounds").is_err());
        let table = "claim  L5,L18  3  120  0.1  FAILED";
        assert!(patch.verdict(false, &format!("panicked: L18: no P\n{table}")).is_err());
        assert!(patch.verdict(false, &format!("panicked: L5: two owners\n{table}")).is_ok());
    }
}
