//! A crate with every mistake that the check must find; it is checked first, each time.

use super::allowed::{Cycle, Exception, Rules};
use super::modules::Sources;
use super::{graph, read, rules};

const RULES: Rules = Rules {
    krate: "planted",
    order: &[&["low"], &["left", "right"], &["high"], &["gone"]],
    filed: true,
    exceptions: &[
        Exception { from: "low/excepted.rs", to: "high/mod.rs", why: "planted, and needed" },
        Exception { from: "low/mod.rs", to: "high/mod.rs", why: "planted, and not needed" },
    ],
    cycles: &[Cycle {
        files: &["high/c.rs", "high/d.rs", "high/e.rs"],
        why: "planted; e is not needed",
    }],
};

/// The files. `Top`, `run` and `above` are of `high`.
const FILES: &[(&str, &str)] = &[
    (
        "lib.rs",
        "mod high; mod left; mod low; mod right; mod stray;
        pub use high::Top;
        pub const OWN: u32 = 1;
        pub mod all { pub use crate::high::*; }",
    ),
    (
        "low/mod.rs",
        "mod attribute; mod excepted; mod glob; mod group; mod handed; mod hidden; mod inner;
        mod item_macro; mod macros; mod method; mod path; mod renamed; mod right_below; mod root;
        pub struct Thing;
        cfg_if::cfg_if! { if #[cfg(unix)] { mod chosen; } else { use crate::low::Thing as Other; } }
        /// See [`crate::high::Top`].
        #[cfg(test)]
        mod tests { use crate::high::Top; }",
    ),
    ("low/attribute.rs", "#[crate::high::mark]\npub struct A;"),
    ("low/chosen.rs", "use super::super::high;"),
    ("low/excepted.rs", "pub type T = crate::high::Top;"),
    ("low/glob.rs", "use crate::all::*;\nfn f() -> Top { Top }"),
    ("low/group.rs", "use crate::{\n    low::Thing,\n    high::{self as above, Top},\n};"),
    ("low/handed.rs", "use crate::right::Thing;"),
    ("low/hidden.rs", "pub struct S(\n    crate::Top,\n);"),
    ("low/inner.rs", "fn f() {\n    mod own {\n        use super::super::super::Top;\n    }\n}"),
    ("low/item_macro.rs", "above! {}"),
    (
        "low/macros.rs",
        "macro_rules! planted {\n    ($x:expr) => {\n        $crate::high::run($x)\n    };\n}
        fn f() { assert_eq!(planted!(1),\n crate::Top.two());\n above!(); }",
    ),
    (
        "low/method.rs",
        "fn f(t: super::Thing) {\n    t.planted_above();\n}
        impl super::Thing { fn g() { Self::planted_too() } }",
    ),
    ("low/path.rs", "fn f() {\n    crate::high::run(1)\n}"),
    ("low/renamed.rs", "use crate::high as up;\nfn f() -> up::Top { up::run(1) }"),
    (
        "low/right_below.rs",
        "use super::Thing;\nuse core::mem::swap;\nfn f(run: u32) -> u32 { run }",
    ),
    ("low/root.rs", "const ALL: u32 = crate::OWN;"),
    ("left/mod.rs", "use crate::low::Thing;\nuse crate::right::beside;"),
    ("right/mod.rs", "pub use crate::low::Thing;\npub fn beside() {}"),
    (
        "high/mod.rs",
        "mod a; mod b; mod c; mod d; mod e;
        pub use a::A;
        pub struct Top;
        impl Top { pub fn two(&self) {} }
        impl crate::low::Thing { pub fn planted_above(&self) {} pub fn planted_too() {} }
        macro_rules! above { () => {} }
        pub fn run(x: u32) -> Top { x; Top }
        pub use mark_it as mark;",
    ),
    ("high/a.rs", "pub struct A(super::b::B);"),
    ("high/b.rs", "pub struct B(Option<crate::high::A>);"),
    ("high/c.rs", "use super::d::D;\npub struct C;"),
    ("high/d.rs", "use super::c::C;\npub struct D;"),
    ("high/e.rs", "pub struct E;"),
    ("stray.rs", ""),
];

/// What must be found, each by the beginning of the fault. Nothing else may be.
const FOUND: &[&str] = &[
    "planted: there is no layer `gone`",
    "planted: the layer `stray` has no rank",
    "planted/src/stray.rs: lies at the root",
    "planted/src/left/mod.rs:2: `crate::right::beside` names right/mod.rs: `right` lies beside",
    "planted/src/low/attribute.rs:1: `crate::high::mark` names high/mod.rs",
    "planted/src/low/chosen.rs:1: `super::super::high` names high/mod.rs",
    "planted/src/low/glob.rs:1: `crate::all` names lib.rs",
    "planted/src/low/glob.rs:2: `Top` names high/mod.rs",
    "planted/src/low/group.rs:3: `crate::high` names high/mod.rs: `high` lies above `low`",
    "planted/src/low/handed.rs:1: `crate::right::Thing` names right/mod.rs",
    "planted/src/low/hidden.rs:2: `crate::Top` names high/mod.rs",
    "planted/src/low/inner.rs:3: `super::super::super::Top` names high/mod.rs",
    "planted/src/low/item_macro.rs:1: `above` names high/mod.rs",
    "planted/src/low/macros.rs:3: `crate::high::run` names high/mod.rs, also in line 7, 8:",
    "planted/src/low/method.rs:2: `.planted_above` names high/mod.rs, also in line 4:",
    "planted/src/low/path.rs:2: `crate::high::run` names high/mod.rs",
    "planted/src/low/renamed.rs:1: `crate::high` names high/mod.rs",
    "planted/src/low/root.rs:1: `crate::OWN` names lib.rs",
    "planted: no arrow back from low/mod.rs to high/mod.rs",
    "planted: a cycle of 2 files (high/a.rs, high/b.rs)",
    "planted: high/e.rs is in no allowed cycle",
];

fn sources() -> Sources {
    FILES.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
}

/// Checks the planted crate: an error is a mistake that is not found, or a fault that is none.
pub fn check() -> Result<(), String> {
    let krate = read::read(&sources())?;
    compare(&rules::faults(&RULES, &krate.files, &graph::arrows(&krate)), FOUND)
}

fn compare(found: &[String], planted: &[&str]) -> Result<(), String> {
    let is_found = |start: &&&str| found.iter().any(|fault| fault.starts_with(**start));
    let is_planted = |fault: &&String| planted.iter().any(|start| fault.starts_with(start));
    println!("  {} of {} faults found", planted.iter().filter(is_found).count(), planted.len());
    let missed = planted.iter().filter(|start| !is_found(start));
    let mut wrong: Vec<String> = missed.map(|p| format!("planted, and not found: {p}")).collect();
    let others = found.iter().filter(|fault| !is_planted(fault));
    wrong.extend(others.map(|fault| format!("found, and not planted: {fault}")));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_planted_is_found_and_nothing_else() {
        check().unwrap();
    }

    #[test]
    fn what_is_missed_and_what_is_too_much_fails() {
        let found = ["a: b".to_string()];
        assert!(compare(&found, &["a: "]).is_ok());
        assert_eq!(compare(&found, &["a: ", "c"]).unwrap_err(), "planted, and not found: c");
        assert_eq!(compare(&found, &[]).unwrap_err(), "found, and not planted: a: b");
    }

    #[test]
    fn a_file_that_no_mod_leads_to_is_an_error() {
        let mut sources = sources();
        sources.insert("low/lost.rs".into(), String::new());
        let error = read::read(&sources).err().unwrap();
        assert!(error.starts_with("src/low/lost.rs: no `mod` leads to it"), "{error}");
    }

    #[test]
    fn a_file_that_is_missing_or_is_no_rust_is_an_error() {
        let mut sources = sources();
        sources.remove("low/glob.rs");
        assert!(read::read(&sources).err().unwrap().contains("src/low/glob.rs is not there"));
        sources.insert("low/glob.rs".into(), "fn f(\n".into());
        assert!(read::read(&sources).err().unwrap().starts_with("src/low/glob.rs:"));
    }
}
