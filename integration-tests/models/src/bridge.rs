//! Calls of C and callbacks on whole schedulers: a callback's closure runs only while its M holds a P
//! (L19) and only on its own thread (L1), a thread with C on its stack runs nothing else (L6), and what
//! a callback made ready does not wait for C (L11).
//!
//! The bridge is g0-cgo's, with its own changes of stacks; C is a closure on g0, which may wait. The
//! retaker is a thread that looks as sysmon does, when the model says that time has passed.

use std::cell::Cell;
use std::hint::black_box;

use g0_cgo::generic::{LibCall, current_libcall};
use g0_cgo::{Bridge, Sched};
use g0_sched::generic::{JoinHandle, current, park, set_procs, yield_now};
use g0_sched::hooks;
use g0_sched::model::{Shape, run_on};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Notify};
use loom::thread;

use crate::exec::go;
use crate::runner::{Model, Scenario, seen};
use crate::world::Threads;

pub const MODEL: Model = Model {
    name: "bridge",
    scenarios: &[
        Scenario { name: "callback", invariants: "L19", extra: -1, run: callback },
        Scenario { name: "late-look", invariants: "L19", extra: -1, run: late_look },
        Scenario { name: "procs", invariants: "L19", extra: 0, run: procs },
        Scenario { name: "parked", invariants: "L1,L6", extra: 0, run: parked },
        Scenario { name: "ready", invariants: "L11", extra: 0, run: ready },
        Scenario { name: "ready-beside", invariants: "L11", extra: 0, run: ready_beside },
        Scenario { name: "rests", invariants: "L11", extra: 0, run: rests },
        Scenario { name: "blocking", invariants: "L6,L11", extra: 0, run: blocking },
        Scenario { name: "library", invariants: "L17", extra: 0, run: || library(one_p()) },
        Scenario { name: "library-safe", invariants: "L17", extra: 0, run: || library(safe()) },
    ],
};

type C = Bridge<Sched<Threads>>;

loom::thread_local! {
    /// How many calls of C this thread is in.
    static IN_C: Cell<usize> = Cell::new(0);
}

fn in_c<T>(f: impl FnOnce() -> T) -> T {
    IN_C.with(|n| n.set(n.get() + 1));
    let mut frame = [IN_C.with(Cell::get); 16];
    black_box(&mut frame);
    let value = f();
    let n = IN_C.with(Cell::get);
    assert!(black_box(frame) == [n; 16], "L6: something ran over the frames of C");
    IN_C.with(|n| n.set(n.get() - 1));
    value
}

/// Calls C, which does `f`.
fn call<T>(f: impl FnOnce() -> T) -> T {
    C::call(|| in_c(f))
}

/// From C.
fn call_back<T>(f: impl FnOnce() -> T) -> T {
    let value = C::callback(None, || {
        assert!(hooks::holds_p::<Threads>(), "L19: a callback's closure runs without a P");
        let value = f();
        assert!(hooks::holds_p::<Threads>(), "L19: a callback's closure runs without a P");
        Some(value)
    });
    value.expect("nothing unwinds in a model")
}

fn join(handle: JoinHandle<(), Threads>) {
    handle.join().unwrap_or_else(|never| match never {});
}

/// What C waits for, and sysmon for time to pass. Loom's notices also come for no reason.
pub struct Bell {
    rung: AtomicUsize,
    notify: Notify,
}

impl Bell {
    pub fn new() -> Self {
        Self { rung: AtomicUsize::new(0), notify: Notify::new() }
    }

    pub fn ring(&self) {
        self.rung.store(1, Ordering::Release);
        self.notify.notify();
    }

    pub fn wait(&self) {
        while self.rung.load(Ordering::Acquire) == 0 {
            self.notify.wait();
        }
    }
}

/// An ordinary goroutine begins.
fn begin() {
    assert!(IN_C.with(Cell::get) == 0, "L6: a goroutine runs on a thread that is in C");
}

/// One P, and more machines.
fn one_p() -> Shape {
    Shape { machines: 2, ..Shape::new(1) }
}

/// The pinned runtime on one machine, which all goroutines share.
fn safe() -> Shape {
    Shape { migrating: false, ..Shape::new(1) }
}

/// C calls back while sysmon takes its P for another goroutine.
fn callback() {
    run_on::<Threads>(one_p(), || {
        let other = go(begin);
        let core = hooks::this_core::<Threads>();
        let watcher = call(|| {
            // One look has seen this call already.
            assert!(
                !hooks::retake::<Threads>(core),
                "L5: a P is taken in a call that has just begun"
            );
            let watcher = thread::spawn(move || hooks::retake::<Threads>(core));
            call_back(|| ());
            watcher
        });
        assert!(hooks::holds_p::<Threads>(), "L19: a goroutine comes back from C without a P");
        if watcher.join().unwrap() {
            seen();
        }
        join(other);
    });
}

/// Sysmon finds a goroutine in C, which calls back then; the callback lasts until sysmon has decided.
fn late_look() {
    run_on::<Threads>(one_p(), || {
        let other = go(begin);
        let core = hooks::this_core::<Threads>();
        call(|| {
            // One look has seen this call already.
            assert!(
                !hooks::retake::<Threads>(core),
                "L5: a P is taken in a call that has just begun"
            );
            let bells = Arc::new([Bell::new(), Bell::new()]);
            let theirs = bells.clone();
            let watcher = thread::spawn(move || {
                theirs[0].ring();
                let taken = hooks::retake::<Threads>(core);
                theirs[1].ring();
                taken
            });
            bells[0].wait();
            call_back(|| bells[1].wait());
            if !watcher.join().unwrap() {
                seen();
            }
        });
        join(other);
    });
}

/// C calls back while another goroutine changes the number of Ps.
fn procs() {
    run_on::<Threads>(Shape::new(2), || {
        seen();
        let in_c = Arc::new(Bell::new());
        let theirs = in_c.clone();
        let other = go(move || {
            call(|| {
                theirs.ring();
                call_back(|| ());
            });
        });
        in_c.wait();
        assert_eq!(set_procs::<Threads>(1), Ok(2), "two were wanted");
        join(other);
    });
}

/// A callback's closure parks, and another goroutine wakes it.
fn parked() {
    run_on::<Threads>(one_p(), || {
        let other = call(|| {
            call_back(|| {
                let (mine, me) = (thread::current().id(), current::<Threads>());
                let done = Arc::new(AtomicUsize::new(0));
                let theirs = done.clone();
                let other = go(move || {
                    begin();
                    // Relaxed: the token carries what was done before.
                    theirs.store(1, Ordering::Relaxed);
                    me.expect("a callback is a goroutine's").unpark();
                });
                while done.load(Ordering::Relaxed) == 0 {
                    park::<Threads>();
                    let now = thread::current().id();
                    assert!(now == mine, "L1: a callback's closure goes on on another thread");
                }
                other
            })
        });
        join(other);
    });
}

/// A callback starts a goroutine, and then C waits for it. No time passes: nobody looks after it.
fn ready() {
    run_on::<Threads>(one_p(), || {
        seen();
        let ran = Arc::new(Bell::new());
        let other = call(|| {
            let theirs = ran.clone();
            let other = call_back(|| {
                go(move || {
                    begin();
                    theirs.ring();
                })
            });
            ran.wait();
            other
        });
        join(other);
    });
}

/// A callback starts a goroutine while the other P is idle, or about to be: C waits for it.
fn ready_beside() {
    run_on::<Threads>(Shape::new(2), || {
        seen();
        let ran = Arc::new(Bell::new());
        let other = call(|| {
            let theirs = ran.clone();
            let other = call_back(|| go(move || theirs.ring()));
            ran.wait();
            other
        });
        join(other);
    });
}

/// In a call that lasts C calls back and rests until another goroutine has come back from such a call, for which
/// there is one P. Nobody looks after it.
fn rests() {
    run_on::<Threads>(one_p(), || {
        seen();
        let back = Arc::new(Bell::new());
        let other = {
            let back = back.clone();
            go(move || {
                C::call_blocking(|| in_c(|| ()));
                back.ring();
            })
        };
        C::call_blocking(|| {
            in_c(|| {
                call_back(|| ());
                back.wait();
            });
        });
        join(other);
    });
}

/// C is known to last: another goroutine runs meanwhile, and nobody has to look.
fn blocking() {
    run_on::<Threads>(one_p(), || {
        seen();
        let ran = Arc::new(Bell::new());
        let other = {
            let ran = ran.clone();
            go(move || {
                begin();
                ran.ring();
            })
        };
        C::call_blocking(|| in_c(|| ran.wait()));
        join(other);
    });
}

/// Two goroutines prepare a library call each and make them in the other order; C calls back, and the
/// closures take turns: each call has its own arguments, and each closure sees the record of its own call.
fn library(shape: Shape) {
    extern "C" fn same(argument: usize) -> usize {
        call_back(|| {
            // As long as the other one takes to be here too.
            for _ in 0..3 {
                let record = current_libcall::<Threads>();
                let own = record.is_some_and(|record| record.args[0] == argument);
                assert!(own, "L17: a callback sees the record of another goroutine's library call");
                yield_now::<Threads>();
            }
        });
        argument
    }
    fn make(argument: usize) {
        let prepared = LibCall::<Threads>::prepare(same as *const (), &[argument]);
        // Not the same number of turns: what was prepared first is called first, which is not how calls nest.
        (argument..3).for_each(|_| yield_now::<Threads>());
        let prepared = prepared.unwrap_or_else(|_| panic!("one argument is not too many"));
        // SAFETY: it takes one word.
        let answer = unsafe { prepared.invoke() };
        assert!(answer.value == argument, "L17: a library call has another goroutine's arguments");
        assert!(current_libcall::<Threads>().is_none(), "L17: the record of a call that is over");
    }
    run_on::<Threads>(shape, || {
        seen();
        let other = go(|| make(1));
        make(2);
        join(other);
    });
}
