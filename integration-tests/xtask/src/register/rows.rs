//! The register: one row for each invariant in either table, and what it says.

use super::evidence::Scenario;
use super::page::{Chunk, Page, spans};
use super::quotes::{id, ids};
use super::source::{Source, pinned};
use std::collections::{BTreeMap, BTreeSet};

/// The section that has the register.
pub const SECTION: &str = "Register of invariants";

/// Numbers that the design has given away, and nothing keeps yet: what a C stack is for.
const NOT_YET: [u32; 1] = [26];

/// The builds in which a check runs.
const BUILDS: [&str; 4] = ["all builds", "debug", "debug and models", "models"];

/// All that is wrong with the register.
pub fn faults(page: &Page<'_>, source: &Source, invariants: u32) -> Vec<String> {
    let Some(section) = page.section(SECTION) else {
        return vec![format!("the section {SECTION} is missing")];
    };
    let (scenarios, mut faults) = source.scenarios();
    let (mutants, unread) = source.mutants();
    faults.extend(unread);
    let mut missing: [BTreeSet<u32>; 2] =
        [(); 2].map(|()| (1..=invariants).filter(|id| !NOT_YET.contains(id)).collect());
    let mut kept: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for chunk in &section.chunks {
        let Chunk::Row(cells) = chunk else { continue };
        let (Some(id), 3 | 4) = (id(cells[0]), cells.len()) else {
            faults.push(format!("{}: a row that cannot be read", cells[0]));
            continue;
        };
        if !missing[cells.len() - 3].remove(&id) {
            faults.push(format!("L{id}: twice in a table, or no invariant"));
        }
        let found = if cells.len() == 4 {
            kept.insert(id, pinned(cells[2]).into_iter().map(|(file, _)| file).collect());
            statement(id, cells, source)
        } else {
            let mut found = models(id, cells[1], &scenarios);
            found.extend(broken(id, cells[2], &mutants));
            found
        };
        faults.extend(found.into_iter().map(|fault| format!("L{id}: {fault}")));
    }
    for (missing, what) in missing.iter().zip(["models and mutants", "a statement"]) {
        faults.extend(missing.iter().map(|id| format!("L{id}: no row with {what}")));
    }
    faults.extend(elsewhere(&kept, source));
    let cited = source.cited().into_iter().filter(|(id, _)| !(1..=invariants).contains(id));
    faults
        .extend(cited.map(|(id, path)| format!("L{id}: cited in {path}, and not in the register")));
    faults
}

/// A row's statement, keeper and check.
fn statement(id: u32, cells: &[&str], source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let keepers = pinned(cells[2]);
    match keepers.first() {
        None => faults.push("no keeper".into()),
        Some((file, _)) => match source.quotes(file).get(&id) {
            None => faults.push(format!("{file} has no quote > **L{id}**")),
            Some(quote) if !begins(quote, cells[1]) => {
                faults.push(format!("{file} states it otherwise: {quote}"));
            }
            Some(_) => {}
        },
    }
    let cites = |(file, _): &(&str, Vec<&str>)| {
        let cites = source.text(file).is_some_and(|text| ids(text).any(|cited| cited == id));
        (!cites).then(|| format!("{file} does not cite it"))
    };
    faults.extend(keepers.iter().filter_map(cites));
    for check in cells[3].split("; ") {
        match check.split_once(':') {
            Some(("none", why)) if !why.trim().is_empty() => {}
            Some((builds, place)) if BUILDS.contains(&builds) => {
                let files = pinned(place);
                if files.is_empty() || files.iter().any(|(_, items)| items.is_empty()) {
                    faults.push(format!("a check without its function: {check}"));
                }
                faults.extend(files.iter().filter_map(cites));
            }
            _ => faults.push(format!("a check of no known builds: {check}")),
        }
    }
    faults
}

/// Whether a quote begins with the statement, as whole sentences.
fn begins(quote: &str, statement: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    statement.ends_with('.') && words(quote).starts_with(&words(statement))
}

/// A row's models.
fn models(id: u32, cell: &str, scenarios: &[Scenario]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut open: BTreeSet<String> = scenarios
        .iter()
        .filter(|scenario| scenario.invariants.contains(&id))
        .map(|scenario| format!("{}/{}", scenario.model, scenario.name))
        .collect();
    let none = open.is_empty();
    for name in spans(cell) {
        let full = |scenario: &Scenario| format!("{}/{}", scenario.model, scenario.name);
        let meant = scenarios.iter().filter(|s| s.model == name || full(s) == name);
        let meant: Vec<String> = meant.map(full).collect();
        if meant.is_empty() {
            faults.push(format!("there is no model {name}"));
        }
        for scenario in meant {
            if !open.remove(&scenario) {
                faults.push(format!("{scenario} is named twice, or does not name the invariant"));
            }
        }
    }
    faults.extend(open.iter().map(|scenario| format!("{scenario} is not named")));
    faults.extend(reason(cell, none));
    faults
}

/// A row's mutants.
fn broken(id: u32, cell: &str, mutants: &BTreeMap<&str, u32>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut open: BTreeSet<&str> =
        mutants.iter().filter(|(_, of)| **of == id).map(|(name, _)| *name).collect();
    let none = open.is_empty();
    for name in spans(cell) {
        match mutants.get(name) {
            None => faults.push(format!("there is no mutant {name}")),
            Some(_) if open.remove(name) => {}
            Some(of) => faults.push(format!("{name} is named twice, or breaks another: L{of}")),
        }
    }
    faults.extend(open.iter().map(|name| format!("the mutant {name} is not named")));
    faults.extend(reason(cell, none));
    faults
}

/// Where there is nothing to name, why.
fn reason(cell: &str, none: bool) -> Option<String> {
    let why = cell.strip_prefix("none:").is_some_and(|why| !why.trim().is_empty());
    match (none, why) {
        (true, false) => Some(format!("neither named nor said why there is none: {cell}")),
        (false, true) => Some(format!("there are some: {cell}")),
        _ => None,
    }
}

/// Quotes in files that are not among the keepers.
fn elsewhere(kept: &BTreeMap<u32, Vec<&str>>, source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, _) in source.crates() {
        for id in source.quotes(file).into_keys() {
            if !kept.get(&id).is_some_and(|keepers| keepers.contains(&file)) {
                faults.push(format!("L{id}: {file} states it and is not among its keepers"));
            }
        }
    }
    faults
}
