//! Goroutines on the shipped executor: none goes on before its context is saved, or twice (L15),
//! and none is left waiting (L11, L22).
//!
//! Two Ms run two or three goroutines, whose stacks and switches are the real ones; see
//! `machines`. A goroutine that waits is published by the post-switch step of whatever its M runs
//! next, while the other M is about to wake it. Both fences are full ones, for the sake of the Ms
//! that go idle (L11): a release or acquire that is missing between two of them may be hidden. The
//! scope has none, for the sake of its count.

use g0_sched::generic::{
    self, Chan, Go, Goroutine, JoinHandle, WaitGroup, current, park, yield_now,
};
use g0_sched::{Error, Platform};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread::{self, ThreadId};

use crate::channel::Line;
use crate::runner::{Model, Scenario, seen};
use crate::world::Threads;
use g0_sched::model::{Shape, run_on, run_with};

pub const MODEL: Model = Model {
    name: "exec",
    scenarios: &[
        Scenario { name: "channel", invariants: "L15,L20,L22", extra: 1, run: channel::<0> },
        Scenario { name: "channel-1", invariants: "L15,L20,L22", extra: 1, run: channel::<1> },
        Scenario { name: "outside", invariants: "L15,L20,L22", extra: 0, run: outside },
        Scenario { name: "join", invariants: "L15,L22", extra: 1, run: join },
        Scenario { name: "stranger", invariants: "L1,L15", extra: 0, run: stranger },
        Scenario { name: "token", invariants: "L15,L22", extra: 1, run: token },
        Scenario { name: "yield", invariants: "L15", extra: 1, run: yields },
        Scenario { name: "group", invariants: "L15,L22", extra: 1, run: group },
        Scenario { name: "scope", invariants: "L15,L22", extra: 0, run: scope },
        Scenario { name: "refused", invariants: "L15,L22", extra: 0, run: refused },
    ],
};

/// Starts a goroutine.
pub fn go<T: Send + 'static>(f: impl FnOnce() -> T + 'static) -> JoinHandle<T, Threads> {
    go_on(f)
}

/// The same on another platform.
pub fn go_on<P: Platform, T: Send + 'static>(f: impl FnOnce() -> T + 'static) -> JoinHandle<T, P> {
    struct Sent<F>(F);
    // SAFETY: what the goroutines share, loom looks after.
    unsafe impl<F> Send for Sent<F> {}
    let f = Sent(f);
    let spawned = Go::new().spawn::<P, _, _>(move || {
        let f = f;
        (f.0)()
    });
    spawned.expect("a goroutine of the model starts")
}

/// Runs `main` on two Ms.
pub fn run(main: impl FnOnce()) {
    struct Sent<F>(F);
    // SAFETY: as above.
    unsafe impl<F> Send for Sent<F> {}
    let main = Sent(main);
    run_with(2, true, move || {
        let main = main;
        (main.0)();
    });
}

/// One goroutine sends two values, the main one receives them.
fn channel<const N: usize>() {
    run(|| {
        let line = Arc::new(Line::<N>::new());
        let sender = {
            let line = line.clone();
            go(move || [0, 1].map(|value| line.send(value)))
        };
        for value in [0, 1] {
            assert_eq!(line.recv(), Some(value), "L20: what was sent first is received first");
        }
        assert_eq!(sender.join(), Ok([true; 2]), "L20: an open channel gives a value back");
    });
}

/// A thread that is no M sends to a goroutine, and receives what that sends.
fn outside() {
    let (to, from) = (Arc::new(Line::<0>::new()), Arc::new(Line::<0>::new()));
    let other = {
        let (to, from) = (to.clone(), from.clone());
        thread::spawn(move || {
            assert!(to.send(0), "L20: an open channel gives a value back");
            assert_eq!(from.recv(), Some(1), "L20: an open channel says that it is closed");
        })
    };
    run(move || {
        assert_eq!(to.recv(), Some(0), "L20: an open channel says that it is closed");
        assert!(from.send(1), "L20: an open channel gives a value back");
    });
    other.join().unwrap();
}

/// Something that one goroutine at a time uses.
struct Shared(UnsafeCell<usize>);

// SAFETY: that one goroutine at a time uses the cell is what the model checks.
unsafe impl Sync for Shared {}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(0)))
    }

    /// Counts; how often it was done before.
    fn touch(&self) -> usize {
        self.0.with_mut(|cell| {
            // SAFETY: loom reports the access if it races.
            unsafe {
                *cell += 1;
                *cell - 1
            }
        })
    }
}

/// What a goroutine did, its joiner sees; and where it ran another one can run.
fn join() {
    run(|| {
        let shared = Shared::new();
        for round in 0..2 {
            let mine = shared.clone();
            let handle = go(move || mine.touch());
            assert_eq!(handle.join(), Ok(2 * round), "L15: a goroutine runs once");
            shared.touch();
        }
    });
}

/// A goroutine joins one of another scheduler, which waits until that is done.
fn stranger() {
    let handles: Arc<Chan<JoinHandle<ThreadId, Threads>, Threads>> = Arc::new(Chan::new());
    let joined = Arc::new(WaitGroup::<Threads>::new());
    joined.add(1);
    let other = {
        let (handles, joined) = (handles.clone(), joined.clone());
        let theirs = move || {
            drop(handles.send(go(|| thread::current().id())));
            joined.wait();
        };
        thread::spawn(move || run_on::<Threads>(Shape::new(1), theirs))
    };
    run_on::<Threads>(Shape::new(1), move || {
        let here = thread::current().id();
        let handle = handles.recv().expect("it is open");
        let there = handle.join().unwrap_or_else(|never| match never {});
        assert!(thread::current().id() == here, "L1: a goroutine on another scheduler's thread");
        assert!(there != here, "L1: a goroutine on another scheduler's thread");
        joined.done();
    });
    other.join().unwrap();
}

/// The main goroutine parks until the other has done something, which unparks it.
fn token() {
    run(|| {
        let shared = Shared::new();
        let done = Arc::new(AtomicUsize::new(0));
        let main: Goroutine<Threads> = current().expect("this is a goroutine");
        let handle = {
            let (shared, done) = (shared.clone(), done.clone());
            go(move || {
                shared.touch();
                // Relaxed: the token carries what was done before.
                done.store(1, Ordering::Relaxed);
                main.unpark();
            })
        };
        // Waits for ever where the token is lost.
        while done.load(Ordering::Relaxed) == 0 {
            park::<Threads>();
        }
        handle.join().unwrap_or_else(|never| match never {});
        assert_eq!(shared.touch(), 1, "L15: a goroutine runs once");
    });
}

/// Two goroutines yield to each other.
fn yields() {
    run(|| {
        let shared = Shared::new();
        let mine = shared.clone();
        let handle = go(move || {
            yield_now::<Threads>();
            mine.touch()
        });
        yield_now::<Threads>();
        assert_eq!(handle.join(), Ok(0), "L15: a goroutine runs once");
        assert_eq!(shared.touch(), 1, "L15: a goroutine runs once");
    });
}

/// The main goroutine waits for two others.
fn group() {
    run(|| {
        let group = Arc::new(WaitGroup::<Threads>::new());
        let shared = [Shared::new(), Shared::new()];
        group.add(2);
        let handles = shared.each_ref().map(|shared| {
            let (group, shared) = (group.clone(), shared.clone());
            go(move || {
                shared.touch();
                group.done();
            })
        });
        group.wait();
        for shared in shared {
            assert_eq!(shared.touch(), 1, "L22: a wait ends before what was waited for");
        }
        handles.into_iter().for_each(|handle| handle.join().unwrap_or_else(|never| match never {}));
    });
}

/// What the last goroutine of a scope did, the owner sees, whether it waits for that one or comes later.
/// Without fences, which may hide a missing release.
fn scope() {
    run_with(2, false, || {
        let shared = Shared::new();
        generic::scope::<Threads, _, _>(|scope| drop(scope.go(|| shared.touch())));
        assert_eq!(shared.touch(), 1, "L22: a wait ends before what was waited for");
    });
}

/// A goroutine of a scope that was refused is not waited for; one that was started is.
fn refused() {
    run_with(2, false, || {
        seen();
        let shared = Shared::new();
        generic::scope::<Threads, _, _>(|scope| {
            let large = [0_u8; TOO_LARGE];
            let refused = scope.try_go(move || large.len()).err();
            assert_eq!(refused, Some(Error::ClosureTooLarge), "a closure as large as its stack");
            drop(scope.go(|| shared.touch()));
        });
        assert_eq!(shared.touch(), 1, "L22: a wait ends before what was waited for");
    });
}

/// A closure's size, of which a stack of the models has no room for four.
const TOO_LARGE: usize = 80 << 10;
