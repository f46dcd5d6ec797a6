//! The arrows of a crate held against what is allowed.

use super::allowed::{Cycle, Exception, Rules};
use super::graph::{Arrow, ROOT, cycles, files, layer, round};
use std::collections::{BTreeMap, BTreeSet};

const TABLE: &str = "integration-tests/xtask/src/arrows/allowed.rs";

/// All that is wrong, each with what to do about it.
pub fn faults(rules: &Rules, all: &[String], arrows: &BTreeSet<Arrow>) -> Vec<String> {
    let back: BTreeSet<&Arrow> = arrows.iter().filter(|arrow| is_back(rules, arrow)).collect();
    let mut faults = unknown_layers(rules, all);
    if rules.filed {
        faults.extend(unfiled(rules, all));
    }
    faults.extend(arrows_back(rules, &back));
    faults.extend(forbidden_cycles(rules, arrows.iter().filter(|arrow| !back.contains(arrow))));
    faults
}

/// The rank of a layer. What has none is above all.
fn rank(rules: &Rules, layer: &str) -> usize {
    let rank = rules.order.iter().position(|rank| rank.contains(&layer));
    rank.unwrap_or(rules.order.len())
}

fn is_back(rules: &Rules, arrow: &Arrow) -> bool {
    let (from, to) = (layer(&arrow.from), layer(&arrow.to));
    from != to && rank(rules, to) >= rank(rules, from)
}

fn unknown_layers(rules: &Rules, all: &[String]) -> Vec<String> {
    let krate = rules.krate;
    let there: BTreeSet<&str> = all.iter().map(|file| layer(file)).collect();
    let ranked: Vec<&str> = rules.order.concat();
    let unknown = there.iter().filter(|layer| **layer != "lib" && !ranked.contains(layer));
    let unknown = unknown
        .map(|layer| format!("{krate}: the layer `{layer}` has no rank; give it one in {TABLE}"));
    let gone = ranked.iter().filter(|layer| !there.contains(*layer));
    let gone =
        gone.map(|layer| format!("{krate}: there is no layer `{layer}`; take it out of {TABLE}"));
    unknown.chain(gone).collect()
}

fn unfiled(rules: &Rules, all: &[String]) -> Vec<String> {
    let files = all.iter().filter(|file| !file.contains('/') && *file != ROOT);
    let fault = |file| {
        format!(
            "{}/src/{file}: lies at the root; move it into the folder of its layer",
            rules.krate
        )
    };
    files.map(fault).collect()
}

fn arrows_back(rules: &Rules, back: &BTreeSet<&Arrow>) -> Vec<String> {
    let mut pairs = BTreeMap::<(&str, &str), Vec<&Arrow>>::new();
    for arrow in back {
        pairs.entry((&arrow.from, &arrow.to)).or_default().push(arrow);
    }
    let excepted = |(from, to): &(&str, &str)| {
        rules.exceptions.iter().any(|exception| (exception.from, exception.to) == (from, to))
    };
    let forbidden = pairs.iter().filter(|(pair, _)| !excepted(pair));
    let mut faults: Vec<String> = forbidden.map(|(_, arrows)| arrow_back(rules, arrows)).collect();
    let unused = rules.exceptions.iter().filter(|e| !pairs.contains_key(&(e.from, e.to)));
    faults.extend(unused.map(|Exception { from, to, .. }| {
        format!(
            "{}: no arrow back from {from} to {to}; take the exception out of {TABLE}",
            rules.krate
        )
    }));
    faults
}

/// The fault of one file that names another, by the first place and the lines of the rest.
fn arrow_back(rules: &Rules, arrows: &[&Arrow]) -> String {
    let Arrow { from, to, line, path } = arrows[0];
    let lines: BTreeSet<usize> = arrows.iter().map(|arrow| arrow.line).collect();
    let lines: Vec<String> = lines.iter().skip(1).map(usize::to_string).collect();
    let more = if lines.is_empty() {
        lines.concat()
    } else {
        format!(", also in line {}", lines.join(", "))
    };
    let rank = |file| rank(rules, layer(file));
    let place = if rank(from) == rank(to) { "beside" } else { "above" };
    format!(
        "{}/src/{from}:{line}: `{path}` names {to}{more}: `{}` lies {place} `{}`; move what is named below both, let \
         the upper layer hand it in, or except it in {TABLE} with the reason",
        rules.krate,
        layer(to),
        layer(from),
    )
}

fn forbidden_cycles<'a>(rules: &Rules, arrows: impl Iterator<Item = &'a Arrow>) -> Vec<String> {
    let arrows: Vec<&Arrow> = arrows.collect();
    let files = files(arrows.iter().copied());
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for cycle in cycles(&files) {
        let allowed = rules.cycles.iter().position(|c| cycle.iter().all(|f| c.files.contains(f)));
        match allowed {
            Some(number) => needed.extend(cycle.iter().map(|file| (number, *file))),
            None => faults.push(forbidden_cycle(rules, &cycle, &round(&files, &cycle), &arrows)),
        }
    }
    for (number, Cycle { files, .. }) in rules.cycles.iter().enumerate() {
        for file in files.iter().filter(|file| !needed.contains(&(number, **file))) {
            let krate = rules.krate;
            faults.push(format!("{krate}: {file} is in no allowed cycle; take it out of {TABLE}"));
        }
    }
    faults
}

/// The fault of a cycle, by the arrows of a shortest round in it.
fn forbidden_cycle(
    rules: &Rules,
    cycle: &BTreeSet<&str>,
    round: &[&str],
    arrows: &[&Arrow],
) -> String {
    let krate = rules.krate;
    let all = cycle.iter().copied().collect::<Vec<_>>().join(", ");
    let mut fault = format!(
        "{krate}: a cycle of {} files ({all}); move what both sides need into a file below them, or allow the cycle in \
         {TABLE} with the reason. A way round:",
        cycle.len()
    );
    for pair in round.windows(2) {
        let arrow = arrows.iter().find(|arrow| arrow.from == pair[0] && arrow.to == pair[1]);
        if let Some(Arrow { from, to, line, path }) = arrow {
            fault += &format!("\n  {krate}/src/{from}:{line}: `{path}` names {to}");
        }
    }
    fault
}
