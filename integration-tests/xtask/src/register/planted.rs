//! A page and a repository without faults, and every fault that must be found in them.

use super::evidence::Scenario;
use super::faults;
use super::source::Source;
use crate::report::Report;

const PAGE: &str = "\
# Contributing

Run `.ci/run` or `cargo xtask ci`; see `sched/src/a.rs`: `fn keep`, and `keep()`.

```sh
cargo xtask loom one   # a model
cargo xtask mutants one-a
```

## Glossary

| word | meaning |
|---|---|
| G, M | what there is |
| P | `Proc` |

## Register of invariants

| id | statement | keeper | check |
|---|---|---|---|
| L1 | It holds for all. | `sched/src/a.rs`: `fn keep`; `defer/src/b.rs`: `fn too` | debug: `sched/src/a.rs`: `fn check` |
| L2 | So does this. | `defer/src/b.rs`: `struct Too` | none: nothing to see |

| id | models | mutants |
|---|---|---|
| L1 | `one` | `one-a` |
| L2 | `two/second`, `two/first` | none: a type keeps it |

## Pictures

```text
  A ── keep() ──▶ B
```
";

const FILES: [(&str, &str); 8] = [
    (".ci/run", "#!"),
    (
        "sched/src/a.rs",
        "//! > **L1** It holds\n//! > for all. And more.\n//! fn hidden()\nfn keep() {}\nfn check<T>() {}\nstruct Proc;\n",
    ),
    (
        "defer/src/b.rs",
        "//! L1 too.\n//!\n//! > **L2** So does this.\n/// Of L1.\nfn too() {}\npub struct Too;\n",
    ),
    ("integration-tests/models/src/main.rs", "runner::main(&[\none::MODEL,\ntwo::MODEL,\n])"),
    (
        "integration-tests/models/src/one.rs",
        "pub const MODEL: Model = Model {\nname: \"one\",\nscenarios: &[\n\
         Scenario { name: \"only\", invariants: \"L1\", extra: 0, run: || f({ 1 }) },\n],\n};\nname: \"no\"",
    ),
    (
        "integration-tests/models/src/two.rs",
        "pub const MODEL: Model = Model {\nname: \"two\",\nscenarios: &[\n\
         Scenario { name: \"first\", invariants: \"L2\", extra: 0, run },\n\
         Scenario {\nname: \"second\",\ninvariants: \"L2\",\n}, Scenario { name: \"third\", invariants: \"\" }\n],\n};",
    ),
    ("integration-tests/models/src/three.rs", "const MODEL: Model = Model { name: \"three\" };"),
    (
        "integration-tests/mutants/one-a.patch",
        "model: one\ninvariant: L1\nmistake: one\n+++ b/sched/src/a.rs\n",
    ),
];

fn repository() -> Source {
    Source { files: FILES.map(|(path, text)| (path.to_string(), text.to_string())).into() }
}

fn found(page: &str, source: &Source) -> Vec<String> {
    faults(page, source, 2)
}

#[test]
fn a_page_that_is_true_has_no_faults() {
    assert_eq!(found(PAGE, &repository()), Vec::<String>::new());
}

/// Each change to the page, and what has to be said about it.
#[test]
fn each_fault_of_the_page_is_found_and_named() {
    let changes = [
        ("| L2 | So", "| L1 | So", "L1: twice in a table"),
        ("| L2 | So", "| L1 | So", "L2: no row with a statement"),
        ("| L2 | `two", "| L1 | `two", "L2: no row with models and mutants"),
        ("| L2 | So", "| L3 | So", "L3: twice in a table, or no invariant"),
        ("| L2 | So", "| Lx | So", "Lx: a row that cannot be read"),
        ("It holds for all.", "It holds for some.", "L1: sched/src/a.rs states it otherwise"),
        ("It holds for all.", "It holds for", "L1: sched/src/a.rs states it otherwise"),
        ("`defer/src/b.rs`: `struct Too`", "it", "L2: no keeper"),
        ("`defer/src/b.rs`: `struct Too`", "`sched/src/a.rs`", "L2: sched/src/a.rs has no quote"),
        ("`struct Too`", "`struct To`", "Register of invariants: defer/src/b.rs has no struct To"),
        (
            "`fn keep`; `def",
            "`fn hidden`; `def",
            "Register of invariants: sched/src/a.rs has no fn hidden",
        ),
        (
            "`sched/src/a.rs`: `fn check`",
            "`sched/src/c.rs`: `fn check`",
            "Register of invariants: there is no sched/src/c.rs",
        ),
        (
            "debug: `sched/src/a.rs`: `fn check`",
            "debug: `sched/src/a.rs`",
            "L1: a check without its function",
        ),
        ("debug: `sched", "on Sundays: `sched", "L1: a check of no known builds"),
        ("none: nothing to see", "none:", "L2: a check of no known builds"),
        ("| `one` |", "| `four` |", "L1: there is no model four"),
        ("| `one` |", "| `one/other` |", "L1: there is no model one/other"),
        ("| `one` |", "| none: too hard |", "L1: one/only is not named"),
        ("`two/second`, `two/first`", "`two`", "L2: two/third is named twice, or does not name"),
        ("`two/second`, `two/first`", "`two/second`", "L2: two/first is not named"),
        ("`one-a` |", "`one-b` |", "L1: there is no mutant one-b"),
        ("`one-a` |", "none: there is |", "L1: the mutant one-a is not named"),
        ("none: a type keeps it", "`one-a`", "L2: one-a is named twice, or breaks another: L1"),
        ("none: a type keeps it", "none:", "L2: neither named nor said why"),
        ("## Register", "## Resister", "the section Register of invariants is missing"),
        ("`.ci/run`", "`.ci/walk`", ": there is no .ci/walk"),
        ("`cargo xtask ci`", "`cargo xtask see`", ": no such command: cargo xtask see"),
        ("loom one ", "loom ten ", ": cargo xtask loom ten: there is no ten"),
        ("mutants one-a", "mutants two-a", ": cargo xtask mutants two-a: there is no two-a"),
        ("and `keep()`", "and `hidden()`", ": there is no function hidden()"),
        ("see `sched/src/a.rs`: ", "see ", ": .ci/run has no fn keep"),
        ("── keep()", "── lose()", "Pictures: there is no function lose()"),
        ("| `Proc` |", "| `Prok` |", "Glossary: the source has no Prok"),
        ("| P | `", "| M | `", "Glossary: twice: M"),
    ];
    for (from, to, fault) in changes {
        assert!(PAGE.contains(from), "{from}");
        let found = found(&PAGE.replacen(from, to, 1), &repository());
        let named = found.iter().any(|f| f.starts_with(fault));
        assert!(named, "{from} -> {to}: {found:?}");
    }
}

/// Each change to a file, and what has to be said about it.
#[test]
fn each_fault_of_the_source_is_found_and_named() {
    let changes = [
        (1, "> **L1**", "> L1.", "L1: sched/src/a.rs has no quote"),
        (
            1,
            "struct Proc;",
            "/// > **L2** Mine.\nstruct Proc;",
            "L2: sched/src/a.rs states it and is not",
        ),
        (1, "struct Proc;", "// L9\nstruct Proc;", "L9: cited in sched/src/a.rs"),
        (2, "//! L1 too.\n//!\n", "", "-"),
        (2, "/// Of L1.\n", "", "-"),
        (3, "two::MODEL,", "", "L2: there is no model two/first"),
        (3, "two::MODEL,", "three::MODEL,", "integration-tests/models/src/three.rs: no scenario"),
        (4, "\"L1\"", "\"L2\"", "L2: one/only is not named"),
        (4, "\"L1\"", "\"L1,L7\"", "L7: cited in integration-tests/models/src/one.rs"),
        (7, "invariant: L1", "invariant: L2", "L2: the mutant one-a is not named"),
        (
            7,
            "invariant: L1",
            "invariant: 1",
            "integration-tests/mutants/one-a.patch: its invariant",
        ),
        (7, "model: one\n", "", "integration-tests/mutants/one-a.patch: its header"),
    ];
    for (file, from, to, fault) in changes {
        let mut source = repository();
        let text = source.files.get_mut(FILES[file].0).expect("it is one of the files");
        assert!(text.contains(from), "{from}");
        *text = text.replacen(from, to, 1);
        let found = found(PAGE, &source);
        // One of two that cite an id may go.
        let named = if fault == "-" {
            found.is_empty()
        } else {
            found.iter().any(|f| f.starts_with(fault))
        };
        assert!(named, "{from} -> {to}: {found:?}");
    }
    let mut source = repository();
    let text = source.files.get_mut("defer/src/b.rs").expect("it is one of the files");
    *text = text.replace("L1", "it");
    assert!(found(PAGE, &source).iter().any(|f| f == "L1: defer/src/b.rs does not cite it"));
}

#[test]
fn scenarios_are_read_with_their_models() {
    let (scenarios, faults) = repository().scenarios();
    assert_eq!(faults, Vec::<String>::new());
    let second = Scenario { model: "two".into(), name: "second".into(), invariants: vec![2] };
    assert!(scenarios.contains(&second) && scenarios.len() == 4, "{scenarios:?}");
}

#[test]
fn the_page_of_this_repository_is_true() {
    let mut report = Report::default();
    super::run(&mut report);
    assert!(report.finish());
}
