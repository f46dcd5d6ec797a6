//! Each crate alone, with each of its features. Features unify across a workspace: what builds under the root's
//! `cargo test` may fail for the user of one crate, so each set is a `cargo test -p` of its own, doc tests included.

use crate::report::Report;
use crate::run::Cmd;
use crate::tree;

/// The names under `[features]` of a manifest, without `default`.
pub fn features(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| line.trim() != "[features]").skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().to_string())
        .filter(|name| name != "default" && !name.starts_with('#'))
        .collect()
}

/// The sets to try: nothing, `alloc` and `std` where there are such, and everything.
pub fn sets(features: &[String]) -> Vec<Vec<String>> {
    let mut sets = vec![vec![]];
    for name in ["alloc", "std"] {
        if features.iter().any(|f| f == name) {
            sets.push(vec![name.to_string()]);
        }
    }
    if features.len() > 1 {
        sets.push(features.to_vec());
    }
    sets
}

/// Tests every crate alone with every set.
pub fn run(report: &mut Report) {
    for krate in tree::CRATES {
        let package = tree::package(krate);
        let path = tree::root().join(krate).join("Cargo.toml");
        let Ok(text) = std::fs::read_to_string(&path) else {
            report.step(&package, || Err(format!("{krate}/Cargo.toml cannot be read")));
            continue;
        };
        for set in sets(&features(&text)) {
            let list = set.join(",");
            report.step(&format!("test {package} {{{list}}}"), || {
                let test = Cmd::cargo().args([
                    "test",
                    "--locked",
                    "--no-default-features",
                    "-p",
                    &package,
                ]);
                test.args(["--features", &list]).dir(tree::root()).limit(600).run()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_of_a_manifest() {
        let manifest = "[package]\nname = \"x\"\n\n[features]\ndefault = []\n# why\nalloc = []\nstd = [\"alloc\"]\nsched = []\n\n[dependencies]\nlibc = \"1\"\n";
        let names = features(manifest);
        assert_eq!(names, ["alloc", "std", "sched"]);
        let sets = sets(&names);
        assert_eq!(sets.len(), 4);
        assert!(sets[0].is_empty());
        assert_eq!(sets[3], names);
    }

    #[test]
    fn a_crate_without_features_is_tested_once() {
        assert_eq!(sets(&features("[package]\n")), [Vec::<String>::new()]);
    }
}
