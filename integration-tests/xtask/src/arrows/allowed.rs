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

const SUSPENDED: &str =
    "`Suspended` is the same for every machine, and stands beside the choice of the machine";

const GUARD: &str = "a lock returns its guard, and the guard keeps its lock";

/// The crates.
pub const ALLOWED: [Rules; 5] = [
    Rules {
        krate: "arch",
        order: &[
            &["api", "sync", "tools"],
            &["threads"],
            &["aarch64", "x86_64"],
            &["native", "portable"],
        ],
        filed: false,
        exceptions: &[
            exception("aarch64/context.rs", "native.rs", SUSPENDED),
            exception("x86_64/context.rs", "native.rs", SUSPENDED),
        ],
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
            &["error"],
            &["class"],
            &["header"],
            &["paint", "source"],
            &["list"],
            &["idle"],
            &["slab"],
            &["cache", "heap", "overflow", "static_source"],
            &["pool"],
        ],
        filed: false,
        exceptions: &[
            exception(
                "header.rs",
                "paint.rs",
                "a header asks whether its own canary is whole; the canary is written with the paint",
            ),
            exception(
                "header.rs",
                "slab/water.rs",
                "a header tells its high-water mark, which for a slab's stack the kernel knows",
            ),
        ],
        cycles: &[Cycle {
            files: &["overflow/mod.rs", "overflow/message.rs"],
            why: "the reporter is given an `Overflow`; the one that is there by default writes the message",
        }],
    },
    Rules {
        krate: "defer",
        order: &[
            &["doors", "error", "goexit", "plain", "unwind"],
            &["record", "report"],
            &["class", "panics"],
            &["memory", "rust"],
            &["local"],
            &["store"],
            &["central"],
            &["pool"],
            &["chain", "thrown"],
            &["drain", "own"],
            &["scope"],
            &["recover"],
            &["guard"],
        ],
        filed: false,
        exceptions: &[
            exception(
                "panics.rs",
                "rust.rs",
                "the list of panics keeps the payloads of the one unwinder that has any",
            ),
            exception(
                "local.rs",
                "pool.rs",
                "`Local` hands out the pool that records come from, which asks it for the central one",
            ),
            exception(
                "local.rs",
                "central.rs",
                "`Local` hands out the central pool beside that one",
            ),
            exception("central.rs", "pool.rs", "the central pool moves records by half a pool"),
        ],
        cycles: &[],
    },
    Rules {
        krate: "sched",
        order: &[
            &["objects"],
            &["platform"],
            &["policy"],
            &["exec"],
            &["wait"],
            &["foreign", "sync", "task", "time"],
            &["api"],
            &["introspect"],
            &["hosted", "model"],
        ],
        filed: true,
        exceptions: &[],
        cycles: &[
            Cycle {
                files: &["objects/g.rs", "objects/m.rs", "objects/p.rs"],
                why: "a running G, its M and its P point to each other",
            },
            Cycle { files: &["sync/mutex/mod.rs", "sync/mutex/guard.rs"], why: GUARD },
            Cycle { files: &["sync/rwlock/mod.rs", "sync/rwlock/guard.rs"], why: GUARD },
        ],
    },
    Rules {
        krate: "cgo",
        order: &[
            // `Bridge`, which the files below give their functions to.
            &["lib", "word"],
            &["runtime"],
            &["call"],
            &["foreign"],
            &["callback"],
            &["unwind"],
            &["libcall"],
            &["sched"],
            &["export", "handle"],
        ],
        filed: false,
        exceptions: &[
            exception(
                "runtime.rs",
                "call.rs",
                "a `Seat` points to the innermost `Call`, and looks into none",
            ),
            exception(
                "runtime.rs",
                "foreign.rs",
                "`adopt` fails with the `CallbackError` that C's caller gets",
            ),
            exception(
                "foreign.rs",
                "callback.rs",
                "`try_callback` stands beside its error, and runs as any callback",
            ),
            exception(
                "callback.rs",
                "unwind.rs",
                "a callback holds its panic as `callback_unwind` does, which runs as a callback",
            ),
            exception(
                "libcall.rs",
                "sched.rs",
                "a library call is a call through the `Sched` that has its short forms",
            ),
        ],
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
