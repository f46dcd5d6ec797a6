//! What shows that the invariants are kept: the scenarios of the models, and the mutants.

use super::quotes::{id, ids};
use super::source::Source;
use crate::patch::Patch;
use std::collections::BTreeMap;

pub const MODELS: &str = "integration-tests/models/src/";
pub const MUTANTS: &str = "integration-tests/mutants/";

/// A scenario of a model, and the invariants that it can find broken.
#[derive(Debug, PartialEq, Eq)]
pub struct Scenario {
    pub model: String,
    pub name: String,
    pub invariants: Vec<u32>,
}

impl Source {
    /// The scenarios of the models that `main.rs` runs. A model of which none can be read is a fault.
    pub fn scenarios(&self) -> (Vec<Scenario>, Vec<String>) {
        let main = format!("{MODELS}main.rs");
        let listed = self.text(&main).unwrap_or_default().split("::MODEL").map(|before| {
            before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
        });
        let (mut all, mut faults) = (Vec::new(), Vec::new());
        let mut listed: Vec<&str> = listed.collect();
        listed.pop();
        for file in &listed {
            let path = format!("{MODELS}{file}.rs");
            let found = scenarios(self.text(&path).unwrap_or_default());
            if found.is_empty() {
                faults.push(format!("{path}: no scenario can be read"));
            }
            all.extend(found);
        }
        if listed.is_empty() {
            faults.push(format!("{main}: no model can be read"));
        }
        (all, faults)
    }

    /// The mutants, and the invariant that each breaks.
    pub fn mutants(&self) -> (BTreeMap<&str, u32>, Vec<String>) {
        let (mut mutants, mut faults) = (BTreeMap::new(), Vec::new());
        for (path, text) in &self.files {
            let name = path.strip_prefix(MUTANTS).and_then(|name| name.strip_suffix(".patch"));
            let Some(name) = name else { continue };
            match Patch::parse(path.into(), text).map(|patch| id(&patch.invariant)) {
                Ok(Some(id)) => drop(mutants.insert(name, id)),
                Ok(None) => faults.push(format!("{path}: its invariant is none of the register's")),
                Err(error) => faults.push(format!("{path}: {error}")),
            }
        }
        (mutants, faults)
    }
}

/// What a model's table says: names and invariants, in this order, the model's own name before all others.
fn scenarios(text: &str) -> Vec<Scenario> {
    let Some((_, table)) = text.split_once("const MODEL: Model") else { return Vec::new() };
    let table = table.split("\n};").next().unwrap_or_default();
    let string = |rest: &str| rest.split('"').nth(1).unwrap_or_default().to_string();
    let mut model = String::new();
    let mut all: Vec<Scenario> = Vec::new();
    for field in table.split(['{', ',', '}']).map(str::trim) {
        if let Some(rest) = field.strip_prefix("name:") {
            match model.is_empty() {
                true => model = string(rest),
                false => all.push(Scenario {
                    model: model.clone(),
                    name: string(rest),
                    invariants: Vec::new(),
                }),
            }
        }
    }
    let lists = table.split("invariants:").skip(1).map(|rest| ids(&string(rest)).collect());
    for (scenario, invariants) in all.iter_mut().zip(lists) {
        scenario.invariants = invariants;
    }
    all
}
