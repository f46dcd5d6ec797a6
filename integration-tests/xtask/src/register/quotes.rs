//! Where the source states invariants, and where it cites them.

use super::evidence::{MODELS, MUTANTS};
use super::source::Source;
use crate::tree;
use std::collections::BTreeMap;

impl Source {
    /// The invariants that the file states in block quotes, and how: `> **L5** A P has one owner.`
    pub fn quotes(&self, path: &str) -> BTreeMap<u32, String> {
        let mut quotes = BTreeMap::new();
        let mut quote = None;
        for line in self.text(path).unwrap_or_default().lines().map(str::trim) {
            let doc = line.strip_prefix("//!").or_else(|| line.strip_prefix("///"));
            let Some(line) = doc.and_then(|doc| doc.trim().strip_prefix('>')) else {
                quote = None;
                continue;
            };
            let mut parts = line.trim().split("**");
            let before = parts.next().unwrap_or_default();
            if let (Some(id), "") = (parts.next().and_then(id), before) {
                quote = Some(id);
                quotes.insert(id, parts.next().unwrap_or_default().trim().to_string());
            } else if let Some(text) = quote.and_then(|id| quotes.get_mut(&id)) {
                text.push(' ');
                text.push_str(line.trim());
            }
        }
        quotes
    }

    /// The invariants that are cited, each with a file that does: in the five crates, the models and the mutants.
    pub fn cited(&self) -> BTreeMap<u32, &str> {
        let mut cited = BTreeMap::new();
        for (path, text) in &self.files {
            let in_crate = tree::CRATES.iter().any(|krate| path.starts_with(&format!("{krate}/")));
            if in_crate && path.ends_with(".rs")
                || path.starts_with(MODELS)
                || path.starts_with(MUTANTS)
            {
                cited.extend(ids(text).map(|id| (id, path.as_str())));
            }
        }
        cited
    }
}

/// `L5` is 5.
pub fn id(word: &str) -> Option<u32> {
    let digits = word.strip_prefix('L')?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The ids that stand in the text, as words.
pub fn ids(text: &str) -> impl Iterator<Item = u32> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter_map(id)
}
