//! The repository, as far as the page names it.

use super::page::spans;
use crate::run::Cmd;
use crate::tree;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The files, by their paths from the root. Of those that are not text the text is empty.
pub struct Source {
    pub files: BTreeMap<String, String>,
}

impl Source {
    /// The files that git knows or would add.
    pub fn read() -> Result<Source, String> {
        let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let list = Cmd::new("git").args(args).dir(tree::root()).stdout()?;
        let read = |path: &str| {
            let at = tree::root().join(path);
            let text = at.is_file().then(|| fs::read(&at).ok())??;
            Some((path.to_string(), String::from_utf8(text).unwrap_or_default()))
        };
        Ok(Source { files: list.split('\0').filter_map(read).collect() })
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is a file or a folder of this name.
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.keys().any(|file| file == path || file.starts_with(&folder))
    }

    /// Whether the file defines the item: `fn name`, `struct Name`.
    pub fn defines(&self, path: &str, item: &str) -> bool {
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        self.text(path).into_iter().flat_map(code).any(|line| {
            line.match_indices(item).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                before.is_none_or(|c| !c.is_alphanumeric()) && ends(&line[at + item.len()..])
            })
        })
    }

    /// The sources of the five crates.
    pub fn crates(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_source = |path: &str| {
            let krate = path.split_once("/src/").map_or("", |(krate, _)| krate);
            path.ends_with(".rs") && tree::CRATES.contains(&krate)
        };
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        files.filter(move |(path, _)| is_source(path))
    }

    /// All words of the code of the five crates.
    pub fn words(&self) -> BTreeSet<&str> {
        let lines = self.crates().flat_map(|(_, text)| code(text));
        lines.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).collect()
    }

    /// The names of all functions of the five crates.
    pub fn functions(&self) -> BTreeSet<&str> {
        let after = self.crates().flat_map(|(_, text)| code(text));
        let after = after.flat_map(|line| line.split("fn ").skip(1));
        after
            .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
            .collect()
    }
}

/// The lines that are no comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The files that a text names, in order, each with the items behind it: `` `a.rs`: `fn b`, `fn c`; `d.rs` ``.
pub fn pinned(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut files: Vec<(&str, Vec<&str>)> = Vec::new();
    for span in spans(text) {
        if is_path(span) {
            files.push((span, Vec::new()));
        } else if let Some((_, items)) = files.last_mut()
            && is_item(span)
        {
            items.push(span);
        }
    }
    files
}

/// Whether a span is the name of a file or a folder.
pub fn is_path(span: &str) -> bool {
    let ends = [".rs", ".md", ".toml", ".txt", ".lock"].iter().any(|end| span.ends_with(end));
    !span.contains(' ') && (span.contains('/') || ends)
}

/// Whether a span is an item of a file: `fn name`.
pub fn is_item(span: &str) -> bool {
    const KINDS: [&str; 6] = ["fn", "struct", "enum", "trait", "const", "type"];
    span.split_once(' ').is_some_and(|(kind, name)| KINDS.contains(&kind) && !name.contains(' '))
}
