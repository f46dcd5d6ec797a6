//! What the arrows of each crate may be: the one place where the order of layers and every exception stand.
//!
//! A layer is a folder below `src`, or a file there without its `.rs`. It may name the layers of the ranks before its
//! own and nothing else, not even those of its own rank. `lib.rs` may name all; what `lib.rs` itself defines may be
//! named only where `lib` has a rank. An exception that is no longer needed fails the check.

/// What is allowed in one crate.
pub struct Rules {
    pub krate: &'static str,
    /// The ranks of layers, lowest first.
    pub order: &'static [&'static [&'static str]],
    /// Every file but `lib.rs` lies in a folder.
    pub filed: bool,
    pub exceptions: &'static [Exception],
    pub cycles: &'static [Cycle],
}

/// One file may name another that lies in a layer above or beside its own. Such an arrow closes no cycle.
pub struct Exception {
    pub from: &'static str,
    pub to: &'static str,
    pub why: &'static str,
}

/// Files that may name each other in a cycle.
pub struct Cycle {
    pub files: &'static [&'static str],
    pub why: &'static str,
}

const fn exception(from: &'static str, to: &'static str, why: &'static str) -> Exception {
    Exception { from, to, why }
}

const GUARD: &str = "a lock returns its guard, and the guard keeps its lock";

/// The crates.
pub const ALLOWED: [Rules; 5] = [
    Rules {
        krate: "arch",
        order: &[
            &["api", "magazine", "suspended", "sync", "tools"],
            &["threads"],
            &["aarch64", "x86_64"],
            &["native", "portable"],
        ],
        filed: false,
        exceptions: &[],
        cycles: &[Cycle {
            files: &[
                "tools/mod.rs",
                "tools/asan.rs",
                "tools/off.rs",
                "tools/tsan.rs",
                "tools/valgrind.rs",
            ],
            why: "`tools` defines the trait `Tool`, and chooses among the types that implement it",
        }],
    },
    Rules {
        krate: "stack",
        order: &[
            &["error", "tag", "usage"],
            &["class"],
            &["paint"],
            &["header"],
            &["source"],
            &["list"],
            &["idle"],
            &["slab"],
            &["overflow"],
            &["packed"],
            &["cache", "grow", "heap", "high_water", "static_source"],
            &["depot"],
        ],
        filed: false,
        exceptions: &[],
        cycles: &[Cycle {
            files: &["overflow/mod.rs", "overflow/message.rs"],
            why: "the reporter is given an `Overflow`; the one that is there by default writes the message",
        }],
    },
    Rules {
        krate: "defer",
        order: &[
            &["doors", "error", "goexit", "harm", "unwind"],
            &["record", "report"],
            &["class", "panics"],
            &["block", "memory", "rust"],
            &["depot"],
            &["cache"],
            &["local"],
            &["store"],
            &["chain", "thrown"],
            &["drain", "own"],
            &["scope"],
            &["recover"],
            &["guard"],
        ],
        filed: false,
        exceptions: &[],
        cycles: &[],
    },
    Rules {
        krate: "sched",
        order: &[
            &["parts"],
            &["objects"],
            &["platform"],
            &["policy"],
            &["exec"],
            &["wait"],
            &["task"],
            &["time"],
            &["sync"],
            &["foreign"],
            &["introspect"],
            &["api"],
            &["hosted", "model"],
            &["coming_from"],
        ],
        filed: true,
        exceptions: &[exception(
            "api/select_macro.rs",
            "hosted/tag.rs",
            "`select!` without a channel has no platform to go by but the hosted one",
        )],
        cycles: &[
            Cycle {
                files: &[
                    "objects/g.rs",
                    "objects/m/mod.rs",
                    "objects/m/parts.rs",
                    "objects/p.rs",
                    "objects/shared/mod.rs",
                    "objects/shared/parts.rs",
                    "objects/shared/sched_state.rs",
                    "objects/shared/stack_classes.rs",
                    "objects/shrink.rs",
                ],
                why: "a running G, its M, its P and what their scheduler shares point to each other",
            },
            Cycle { files: &["sync/mutex/mod.rs", "sync/mutex/guard.rs"], why: GUARD },
            Cycle { files: &["sync/rwlock/mod.rs", "sync/rwlock/guard.rs"], why: GUARD },
        ],
    },
    Rules {
        krate: "cgo",
        order: &[
            &["bridge", "error", "record", "word"],
            &["runtime"],
            &["call", "foreign"],
            &["hold"],
            &["callback"],
            &["unwind"],
            &["sched"],
            &["libcall"],
            &["hosted"],
            &["export", "handle"],
        ],
        filed: false,
        exceptions: &[],
        cycles: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_crate_has_rules_and_every_exception_its_reason() {
        assert_eq!(ALLOWED.map(|rules| rules.krate), crate::tree::CRATES);
        for rules in ALLOWED {
            let exceptions = rules.exceptions.iter().map(|exception| exception.why);
            let mut reasons = exceptions.chain(rules.cycles.iter().map(|cycle| cycle.why));
            assert!(reasons.all(|why| why.split(' ').count() > 3), "{}", rules.krate);
        }
    }

    #[test]
    fn a_layer_has_one_rank() {
        for rules in ALLOWED {
            let layers = rules.order.concat();
            assert_eq!(
                layers.iter().collect::<BTreeSet<_>>().len(),
                layers.len(),
                "{}",
                rules.krate
            );
        }
    }
}
