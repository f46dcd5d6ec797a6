//! Every name on the page: what stands in backticks, and the functions of pictures.

use super::page::{Chunk, Page, Section, spans};
use super::rows::SECTION;
use super::source::{Source, is_item, is_path};
use std::collections::BTreeSet;

/// The section whose first column has each word once.
const GLOSSARY: &str = "Glossary";

/// Commands of cargo, besides those of xtask.
const CARGO: [&str; 7] = ["build", "check", "clippy", "doc", "fmt", "test", "tour"];

/// What the names are held against.
struct Known<'a> {
    source: &'a Source,
    words: BTreeSet<&'a str>,
    functions: BTreeSet<&'a str>,
    models: BTreeSet<String>,
    mutants: BTreeSet<&'a str>,
}

/// All names that name nothing.
pub fn faults(page: &Page<'_>, source: &Source) -> Vec<String> {
    let mut models = BTreeSet::from(["cgo".to_string()]);
    for scenario in source.scenarios().0 {
        models.insert(format!("{}/{}", scenario.model, scenario.name));
        models.insert(scenario.model);
    }
    let known = Known {
        source,
        words: source.words(),
        functions: source.functions(),
        models,
        mutants: source.mutants().0.into_keys().collect(),
    };
    let mut faults = Vec::new();
    for section in &page.sections {
        let found = section.chunks.iter().flat_map(|chunk| known.chunk(section, chunk));
        faults.extend(found.map(|fault| format!("{}: {fault}", section.title)));
        if section.title == GLOSSARY {
            faults.extend(twice(section));
        }
    }
    faults
}

/// Words that the glossary has twice.
fn twice(section: &Section<'_>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let rows = section.chunks.iter().filter_map(|chunk| match chunk {
        Chunk::Row(cells) => cells.first(),
        _ => None,
    });
    let words = rows.flat_map(|cell| cell.split(", "));
    words
        .filter(|word| !seen.insert(*word))
        .map(|word| format!("{GLOSSARY}: twice: {word}"))
        .collect()
}

impl Known<'_> {
    fn chunk(&self, section: &Section<'_>, chunk: &Chunk<'_>) -> Vec<String> {
        match chunk {
            Chunk::Text(text) => self.text(text),
            Chunk::Fenced("text", line) => self.picture(line),
            Chunk::Fenced("sh", line) => self
                .command(line.split('#').next().unwrap_or_default().trim())
                .into_iter()
                .collect(),
            Chunk::Fenced(..) => Vec::new(),
            // The models and mutants of the register are looked at there.
            Chunk::Row(cells) if section.title == SECTION && cells.len() == 3 => Vec::new(),
            Chunk::Row(cells) => cells.iter().flat_map(|cell| self.text(cell)).collect(),
        }
    }

    /// A paragraph or a cell: an item is one of the file that was named last.
    fn text(&self, text: &str) -> Vec<String> {
        let mut file = None;
        let mut faults = Vec::new();
        for span in spans(text) {
            if is_path(span) && !span.starts_with("cargo ") {
                file = Some(span);
                if !self.source.has(span) {
                    faults.push(format!("there is no {span}"));
                }
            } else if is_item(span) {
                match file {
                    None => faults.push(format!("{span} is in no file")),
                    Some(file) if !self.source.defines(file, span) => {
                        faults.push(format!("{file} has no {span}"));
                    }
                    Some(_) => {}
                }
            } else {
                faults.extend(self.name(span));
            }
        }
        faults
    }

    fn name(&self, span: &str) -> Option<String> {
        if let Some(function) = span.strip_suffix("()") {
            let function = function.rsplit("::").next().unwrap_or_default();
            return (!self.functions.contains(function))
                .then(|| format!("there is no function {span}"));
        }
        if span.starts_with("cargo ") || span.starts_with("git ") {
            return self.command(span);
        }
        let identifier = |c: char| c.is_alphanumeric() || "_:.!".contains(c);
        let exists = match span.chars().all(identifier) {
            true => {
                span.split([':', '.', '!']).all(|word| word.is_empty() || self.words.contains(word))
            }
            // Anything else stands in the source as it does here.
            false => self
                .source
                .files
                .iter()
                .any(|(path, text)| path.ends_with(".rs") && text.contains(span)),
        };
        (!exists).then(|| format!("the source has no {span}"))
    }

    /// Functions in a line of a picture: `name()`.
    fn picture(&self, line: &str) -> Vec<String> {
        let names = line.match_indices("()").filter_map(|(at, _)| {
            let before = &line[..at];
            before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
        });
        let unknown = names.filter(|name| !self.functions.contains(name));
        unknown.map(|name| format!("there is no function {name}(), of a picture")).collect()
    }

    fn command(&self, command: &str) -> Option<String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let fault = || Some(format!("no such command: {command}"));
        match words[..] {
            ["cargo", "xtask", name, ref rest @ ..] => {
                let listed = format!("\n  {name} ");
                if !crate::HELP.contains(&listed) && !crate::HELP.contains(&format!("\n  {name}\n"))
                {
                    return fault();
                }
                let named = rest.iter().take_while(|word| !word.starts_with('-'));
                let unknown = |word: &&&str| match name {
                    "loom" => !self.models.contains(**word) && !is_variable(word),
                    "mutants" => {
                        !self.mutants.iter().any(|m| m.starts_with(**word)) && !is_variable(word)
                    }
                    _ => false,
                };
                let mut named = named;
                named.find(unknown).map(|word| format!("{command}: there is no {word}"))
            }
            ["cargo", name, ..] if CARGO.contains(&name) => None,
            ["git", ..] | [] => None,
            [script, ..] if self.source.has(script) => None,
            _ => fault(),
        }
    }
}

/// A word in capitals stands for one of the reader's choice.
fn is_variable(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_uppercase() || c == '.' || c == '…')
}
