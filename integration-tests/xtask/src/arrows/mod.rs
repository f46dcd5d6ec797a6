//! `cargo xtask arrows`: the modules of each crate name only what lies below them.
//!
//! ```text
//!   lib.rs ─mod─► read ── visitor, uses, items, tokens    every module, what it defines, every path in it
//!                  │
//!               resolve    a path ─► the module that defines what it names, through all re-exports
//!                  │
//!                graph     file ─► file, and the cycles
//!                  │
//!    allowed ──► rules     arrows back, cycles, files that are not filed, exceptions that are not needed
//! ```
//!
//! What is read: `use`, paths in code, types, attributes and macros, the names of macros, and the methods that one
//! layer gives to a type of another, if no other method has that name. What is not read: fields, all other methods, and
//! documentation. All configurations are read at once, except what is there only in tests. First a crate with planted
//! mistakes is checked, each of which must be found.

mod allowed;
mod graph;
mod items;
mod modules;
mod planted;
mod read;
mod resolve;
mod rules;
mod tokens;
mod uses;
mod visitor;

use crate::report::Report;
use crate::tree;
use allowed::{ALLOWED, Rules};
use graph::Arrow;
use modules::{Krate, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Checks the five crates; of `details` every file's arrows are printed.
pub fn run(report: &mut Report, details: Option<&str>) {
    report.step("arrows, planted", planted::check);
    for krate in tree::CRATES {
        report.step(&format!("arrows {krate}"), || check(krate, details == Some(krate)));
    }
}

fn check(krate: &str, details: bool) -> Result<(), String> {
    let rules = ALLOWED.iter().find(|rules| rules.krate == krate);
    let rules = rules.ok_or_else(|| format!("{krate} has no rules in arrows/allowed.rs"))?;
    let read = read::read(&sources(krate)?).map_err(|error| format!("{krate}/{error}"))?;
    let arrows = graph::arrows(&read);
    print(rules, &read, &arrows, details);
    let faults = rules::faults(rules, &read.files, &arrows);
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("{}\n{krate}: {} faults", faults.join("\n"), faults.len()))
}

/// Prints each layer with the layers that it names, lowest first, or each file with its files; then what is excepted.
fn print(rules: &Rules, krate: &Krate, arrows: &BTreeSet<Arrow>, details: bool) {
    let files = graph::files(arrows);
    if details {
        for file in krate.files.iter().filter(|file| *file != graph::ROOT) {
            line(file, files.get(file.as_str()));
        }
    } else {
        let mut layers = BTreeMap::<&str, BTreeSet<&str>>::new();
        for file in &krate.files {
            let named = files.get(file.as_str()).into_iter().flatten().map(|to| graph::layer(to));
            layers.entry(graph::layer(file)).or_default().extend(named);
        }
        for (layer, named) in &mut layers {
            named.remove(layer);
        }
        let ranked = rules.order.concat();
        let unranked = layers.keys().copied().filter(|layer| !ranked.contains(layer));
        for layer in ranked.iter().copied().chain(unranked).filter(|layer| *layer != "lib") {
            line(layer, layers.get(layer));
        }
    }
    for exception in rules.exceptions {
        println!("  excepted: {} -> {}: {}", exception.from, exception.to, exception.why);
    }
    for cycle in rules.cycles {
        println!("  a cycle: {}: {}", cycle.files.join(", "), cycle.why);
    }
}

fn line(name: &str, named: Option<&BTreeSet<&str>>) {
    let named: Vec<&str> = named.into_iter().flatten().copied().collect();
    println!(
        "  {name:<14} -> {}",
        if named.is_empty() { "nothing".into() } else { named.join(", ") }
    );
}

/// The files below a crate's `src`.
fn sources(krate: &str) -> Result<Sources, String> {
    let src = tree::root().join(krate).join("src");
    let mut sources = Sources::new();
    let mut left = vec![src.clone()];
    while let Some(path) = left.pop() {
        let failed = |error| format!("{}: {error}", path.display());
        if path.is_dir() {
            for entry in fs::read_dir(&path).map_err(failed)? {
                left.push(entry.map_err(failed)?.path());
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(&src).unwrap_or(Path::new("")).to_string_lossy();
            sources.insert(name.into_owned(), fs::read_to_string(&path).map_err(failed)?);
        }
    }
    Ok(sources)
}
