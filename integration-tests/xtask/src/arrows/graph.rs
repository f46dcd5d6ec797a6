//! The arrows between the files of a crate, and the cycles of files that they form.

use super::modules::{Kind, Krate, Method};
use super::resolve::{definer, resolve};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One file names something of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    pub from: String,
    pub to: String,
    pub line: usize,
    /// The path as it is written.
    pub path: String,
}

/// The file at the root.
pub const ROOT: &str = "lib.rs";

/// The layer of a file: its folder below `src`, or itself.
pub fn layer(file: &str) -> &str {
    match file.split_once('/') {
        Some((folder, _)) => folder,
        None => file.strip_suffix(".rs").unwrap_or(file),
    }
}

/// All arrows of a crate. The root's own do not count: it may see all.
pub fn arrows(krate: &Krate) -> BTreeSet<Arrow> {
    let methods = methods(krate);
    let mut arrows = BTreeSet::new();
    for path in krate.paths.iter().filter(|path| krate.file(path.module) != ROOT) {
        let from = krate.file(path.module);
        let mut modules = BTreeSet::new();
        if path.kind == Kind::Method {
            modules.extend(methods.get(path.segments[0].as_str()));
        } else {
            let places = resolve(krate, path);
            // A folder's `pub use` of what lies in it is its contents, not a need of its own.
            let shown = |m: &usize| path.kind == Kind::Reexport && krate.is_within(*m, path.module);
            modules.extend(places.defined.into_iter().filter(|module| !shown(module)));
            // Within a layer the definer alone counts.
            let other = |module: &usize| layer(krate.file(*module)) != layer(from);
            modules.extend(places.handed_on.into_iter().filter(other));
        }
        for module in modules {
            let (line, to) = (path.line, krate.file(module).to_string());
            let method = if path.kind == Kind::Method { "." } else { "" };
            if to != from {
                let path = format!("{method}{}", path.segments.join("::"));
                arrows.insert(Arrow { from: from.to_string(), to, line, path });
            }
        }
    }
    arrows
}

/// The methods that an `impl` in one layer gives to a type of another, by their names, each with the module of the
/// `impl`: a call of one names no module. A name that another method shares is not among them.
fn methods(krate: &Krate) -> BTreeMap<&str, usize> {
    let mut all = BTreeMap::<&str, Vec<&Method>>::new();
    for method in krate.methods.iter().filter(|method| method.takes_self) {
        all.entry(&method.name).or_default().push(method);
    }
    let alone = all.into_iter().filter_map(|(name, methods)| match methods[..] {
        [method] => Some((name, method)),
        _ => None,
    });
    alone
        .filter_map(|(name, method)| {
            let of = definer(krate, method.module, method.of.as_ref()?)?;
            let apart = layer(krate.file(of)) != layer(krate.file(method.module));
            apart.then_some((name, method.module))
        })
        .collect()
}

/// The files that each file names.
pub fn files<'a>(
    arrows: impl IntoIterator<Item = &'a Arrow>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut files = BTreeMap::<_, BTreeSet<_>>::new();
    for arrow in arrows {
        files.entry(arrow.from.as_str()).or_default().insert(arrow.to.as_str());
    }
    files
}

/// The sets of files that all reach each other, each of two files at least.
pub fn cycles<'a>(files: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<BTreeSet<&'a str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        files.keys().map(|file| (*file, reach(files, file))).collect();
    let mut cycles = BTreeSet::new();
    for (file, reached_by_it) in &reached {
        let back = |other: &&&str| reached.get(**other).is_some_and(|r| r.contains(file));
        let cycle: BTreeSet<&str> = reached_by_it.iter().filter(back).copied().collect();
        if cycle.len() > 1 {
            cycles.insert(cycle);
        }
    }
    cycles.into_iter().collect()
}

/// All that a file reaches by one arrow or more.
fn reach<'a>(files: &BTreeMap<&'a str, BTreeSet<&'a str>>, file: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<&str> = vec![file];
    while let Some(file) = left.pop() {
        for to in files.get(file).into_iter().flatten() {
            if reached.insert(*to) {
                left.push(to);
            }
        }
    }
    reached
}

/// A shortest way round within a cycle, from its first file back to it.
pub fn round<'a>(
    files: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    cycle: &BTreeSet<&'a str>,
) -> Vec<&'a str> {
    let ways = cycle.iter().filter_map(|start| way(files, cycle, start));
    ways.min_by_key(Vec::len).unwrap_or_default()
}

fn way<'a>(
    files: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    cycle: &BTreeSet<&'a str>,
    start: &'a str,
) -> Option<Vec<&'a str>> {
    let mut ways = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for to in files.get(way[way.len() - 1]).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(to);
            if *to == start {
                return Some(longer);
            }
            if cycle.contains(to) && seen.insert(*to) {
                ways.push_back(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(pairs: &[(&str, &str)]) -> Vec<Arrow> {
        let arrow = |&(from, to): &(&str, &str)| Arrow {
            from: from.into(),
            to: to.into(),
            line: 1,
            path: String::new(),
        };
        pairs.iter().map(arrow).collect()
    }

    #[test]
    fn files_that_reach_each_other_are_one_cycle() {
        let arrows =
            arrows(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "b"), ("c", "d"), ("e", "a")]);
        let files = files(&arrows);
        let cycles = cycles(&files);
        assert_eq!(cycles, [BTreeSet::from(["a", "b", "c"])]);
        assert_eq!(round(&files, &cycles[0]), ["b", "c", "b"]);
    }

    #[test]
    fn two_cycles_are_two_although_one_names_the_other() {
        let arrows = arrows(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "c")]);
        assert_eq!(cycles(&files(&arrows)).len(), 2);
    }

    #[test]
    fn a_layer_is_a_folder_or_a_file_at_the_root() {
        assert_eq!(["a/b/c.rs", "a/mod.rs", "a.rs", "lib.rs"].map(layer), ["a", "a", "a", "lib"]);
    }
}
