//! The list of programs.

use std::fmt;

use crate::setup::{Kind, Setup};
use crate::*;

/// How a program must end.
pub enum Ends {
    /// By saying what held.
    Holds,
    /// By an abort, after a message with this in it.
    Aborts(&'static str),
    /// By either.
    HoldsOrAborts(&'static str),
    /// By the sanitizer's report, which has this in it.
    Found(&'static str),
}

use Ends::{Aborts, Found, Holds, HoldsOrAborts};

/// A hostile program.
pub struct Program {
    pub name: &'static str,
    /// Where it has something to break and keeps what the runtime's builder has promised.
    pub kinds: &'static [Kind],
    pub ends: Ends,
    /// Returns what held.
    pub run: fn(Setup) -> String,
}

const ALL: &[Kind] = &Kind::ALL;
const EXCLUSIVE: &[Kind] = &[Kind::Exclusive];
/// A reference out of a thread-local lives across a wait.
const NOT_MIGRATING: &[Kind] = &[Kind::Exclusive, Kind::Pinned];

const fn program(
    name: &'static str,
    kinds: &'static [Kind],
    ends: Ends,
    run: fn(Setup) -> String,
) -> Program {
    Program { name, kinds, ends, run }
}

/// All of them; the planted ones first.
pub const PROGRAMS: &[Program] = &[
    program("planted-frame", ALL, Found("stack-use-after-return"), planted::frame),
    program("planted-capture", ALL, Found("heap-use-after-free"), planted::capture),
    program("planted-thread-local", ALL, Found("heap-use-after-free"), planted::thread_local),
    program("scope-on-system-stack", ALL, Holds, scopes::on_the_system_stack),
    program("scope-left", ALL, Holds, scopes::left_by_its_body),
    program("initialiser-waits", EXCLUSIVE, Holds, thread_locals::initialiser_waits),
    program("scoped-pointers", EXCLUSIVE, Holds, nested::scoped_pointers),
    program("large-closures", ALL, Holds, closures::large),
    program("join-across", ALL, Holds, joins::across),
    program("kinds-on-one-channel", ALL, Holds, meeting::on_one_channel),
    program("lockers-of-one-thread", ALL, Holds, lockers::of_one_thread),
    program("more-than-threads", ALL, Holds, threads::more_goroutines),
    program(
        "threads-deadlock",
        EXCLUSIVE,
        Aborts("no thread for what has not started"),
        threads::deadlock,
    ),
    program("libcalls", ALL, Holds, libcalls::in_any_order),
    program("frames-lent", ALL, Holds, run_end::frames_lent),
    program("thread-local-lent", NOT_MIGRATING, Holds, run_end::thread_local_lent),
    program("thread-local-lent-below-c", NOT_MIGRATING, Holds, run_end::thread_local_below_c),
    program("forgotten", ALL, Holds, handles::forgotten),
    program("dropped-late", ALL, Holds, handles::dropped_late),
    program("names", ALL, Holds, names::odd),
    #[cfg(feature = "dump")]
    program("dump-into-itself", ALL, Holds, dumps::into_itself),
    program("bad-destructors", ALL, Holds, destructors::caught_somewhere),
    program(
        "bad-destructor-detached",
        ALL,
        Aborts("a panic while the result of a detached goroutine was dropped"),
        destructors::of_a_detached_result,
    ),
    program(
        "bad-destructor-unstarted",
        ALL,
        HoldsOrAborts("panic in a destructor during cleanup"),
        destructors::of_a_closure,
    ),
    program(
        "bad-destructor-unwinding",
        ALL,
        Aborts("panic in a destructor during cleanup"),
        destructors::while_unwinding,
    ),
    program("wakers-after-the-run", ALL, Holds, wakers::after_the_run),
    program("overflow", ALL, Aborts("stack overflow: goroutine"), overflow::of_a_goroutine),
    program(
        "overflow-of-own-stack",
        ALL,
        Aborts("stack overflow: a stack of"),
        overflow::of_an_own_stack,
    ),
    program(
        "overflow-of-own-stack-later",
        ALL,
        Aborts("stack overflow: a stack of"),
        overflow::of_an_own_stack_after_the_run,
    ),
    program(
        "membarrier-refused",
        ALL,
        HoldsOrAborts("refuses membarrier"),
        sandbox::membarrier_refused,
    ),
];

/// Its name, its kinds and its end, apart by tabs.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.kinds.iter().map(|kind| kind.name()).collect();
        write!(f, "{}\t{}\t", self.name, kinds.join(","))?;
        match self.ends {
            Holds => f.write_str("holds\t"),
            Aborts(text) => write!(f, "aborts\t{text}"),
            HoldsOrAborts(text) => write!(f, "holds or aborts\t{text}"),
            Found(text) => write!(f, "found\t{text}"),
        }
    }
}
