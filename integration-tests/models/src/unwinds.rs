//! Unwinding: a main that leaves by Goexit, and the end of a run that meets those who wait.
//!
//! What unwinds is real, from the goroutine's frame to its base. Whether *this* thread unwinds is the model's to
//! say: loom runs all threads of a model on one, so the standard library would answer for all of them.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use g0_defer::{Goexit, Throw, Unwind};
use g0_sched::generic::{
    self, Chan, Go, JoinHandle, current, goexit, lock_os_thread, park, yield_now,
};
use g0_sched::model::{self, Shape, run_on};
use g0_sched::port::{ForeignCode, Machines, Unwinding};
use g0_sched::{M, Parker, Platform, Registry, StartError, TryLockError};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::exec::go_on;
use crate::extra::{call_back, home, with_home};
use crate::runner::{self, Model, Scenario, seen};
use crate::world::{Threads, as_threads};

pub const MODEL: Model = Model {
    name: "unwinds",
    scenarios: &[
        Scenario { name: "main", invariants: "L15,L22", extra: 0, run: main },
        Scenario { name: "returned", invariants: "L15,L22", extra: 0, run: returned },
        Scenario { name: "guest", invariants: "L15,L19,L22", extra: 0, run: guest },
        Scenario { name: "token", invariants: "L15,L22,L25", extra: 0, run: token },
        Scenario { name: "woken", invariants: "L15,L22,L25", extra: 1, run: woken },
        Scenario { name: "join", invariants: "L15,L22", extra: 0, run: join },
        Scenario { name: "scope", invariants: "L15,L22", extra: 0, run: scope },
        Scenario { name: "again", invariants: "L15,L22", extra: -1, run: again },
        Scenario { name: "runs", invariants: "L25", extra: -1, run: runs },
        Scenario { name: "ends", invariants: "L25", extra: 0, run: ends },
        Scenario { name: "poison", invariants: "L25", extra: -1, run: poison },
    ],
};

loom::thread_local! {
    /// How many unwindings are on their way on this thread.
    static UNWINDING: Cell<usize> = Cell::new(0);
}

/// Rust's unwinder, asked by the threads of a model.
pub struct Unwinder;

impl Unwind for Unwinder {
    type Payload = Box<dyn Any + Send>;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload> {
        catch_unwind(AssertUnwindSafe(f))
            .inspect_err(|_| UNWINDING.with(|n| n.set(n.get().saturating_sub(1))))
    }

    fn resume(payload: Self::Payload) -> ! {
        UNWINDING.with(|n| n.set(n.get() + 1));
        resume_unwind(payload)
    }

    fn replace(newer: Self::Payload, _: Self::Payload) -> Self::Payload {
        newer
    }

    fn is_goexit(payload: &Self::Payload) -> bool {
        payload.is::<Goexit>()
    }

    fn panicking() -> bool {
        UNWINDING.with(Cell::get) > 0
    }
}

impl Throw for Unwinder {
    fn goexit() -> ! {
        Self::resume(Box::new(Goexit))
    }
}

/// Loom's threads, which unwind.
pub enum Unwinds {}

// SAFETY: as that which it is made of.
unsafe impl Platform for Unwinds {
    type Unwind = Unwinder;

    as_threads!();

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        model::start::<Self>(m, || ())
    }
}

impl Machines for Unwinds {
    unsafe fn relax() {
        thread::yield_now();
    }
}

impl Unwinding for Unwinds {
    const UNWINDS: bool = true;

    unsafe fn throw_goexit() {
        Unwinder::goexit();
    }
}

impl ForeignCode for Unwinds {
    fn registry() -> Option<&'static Registry> {
        home()
    }
}

g0_sched::default_parts!(Unwinds: Interrupts, Reports);

/// No fence at all, which might hide a missing release.
fn bare(procs: usize) -> Shape {
    Shape { symmetric: false, ..Shape::new(procs) }
}

/// Main leaves by Goexit while another goroutine ends, whose result its last handle has left to it. The run ends
/// with the later of the two.
fn main() {
    run_on::<Unwinds>(bare(2), || {
        seen();
        drop(go_on::<Unwinds, _>(|| ()));
        goexit::<Unwinds>();
    });
}

/// A goroutine returns, while the end unwinds the one that has its handle: its result is dropped before the run ends.
fn returned() {
    ended(2, |dropped| {
        drop(go_on::<Unwinds, _>(move || {
            let _handle = Go::new().spawn::<Unwinds, _, _>(move || {
                seen();
                thread::yield_now();
                dropped
            });
            park::<Unwinds>();
        }));
    });
}

/// Main leaves by Goexit while a thread that the scheduler did not start calls back.
fn guest() {
    with_home(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let theirs = ran.clone();
        let other = thread::spawn(move || {
            if call_back::<Unwinds, _>(|| theirs.store(1, Ordering::Relaxed)).is_some() {
                seen();
                assert_eq!(theirs.load(Ordering::Relaxed), 1, "L19: a callback has not run");
            }
        });
        run_on::<Unwinds>(Shape { machines: 2, ..Shape::new(1) }, || goexit::<Unwinds>());
        other.join().unwrap();
    });
}

/// What is dropped when a goroutine unwinds, once.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(before, 0, "L15: a frame is unwound twice");
    }
}

/// The same, where a wait until a deadline is over at once: the clock of these models does not go on by itself.
enum Restless {}

// SAFETY: as that which it is made of; a wait may end early.
unsafe impl Platform for Restless {
    type Unwind = Unwinder;

    as_threads!(but park);

    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        if deadline.is_some() {
            thread::yield_now();
            return false;
        }
        // SAFETY: the caller ensures the same.
        unsafe { Threads::park(parker, None) }
    }

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        model::start::<Self>(m, || ())
    }
}

impl Machines for Restless {
    unsafe fn relax() {
        thread::yield_now();
    }
}

impl Unwinding for Restless {
    const UNWINDS: bool = true;

    unsafe fn throw_goexit() {
        Unwinder::goexit();
    }
}

g0_sched::default_parts!(Restless: ForeignCode, Interrupts, Reports);

/// Runs `main`, which drops the value in a goroutine that the end of the run may meet.
fn ended(procs: usize, main: impl FnOnce(Dropped) + Send) {
    let dropped = Arc::new(AtomicUsize::new(0));
    let theirs = Dropped(dropped.clone());
    run_on::<Unwinds>(Shape::new(procs), move || main(theirs));
    assert_eq!(dropped.load(Ordering::Relaxed), 1, "L22: a goroutine still waits at the run's end");
}

/// A goroutine parks and another one wakes it, while main returns: it is woken by the one or by the end.
fn token() {
    ended(2, |dropped| {
        let parks = go_on::<Unwinds, _>(move || {
            let _dropped = dropped;
            let me = current::<Unwinds>().expect("a goroutine");
            // Refused when main has returned.
            let wakes = Go::new().spawn::<Unwinds, _, _>(move || me.unpark());
            if wakes.is_ok() {
                seen();
            }
            park::<Unwinds>();
        });
        drop(parks);
    });
}

/// A goroutine parks, main returns on the same M, and a thread that is none wakes it meanwhile. It lets that thread end
/// before it does, and does not unwind then: loom runs both on one thread, on which a lock that is let go while any
/// of them unwinds is poisoned.
fn woken() {
    ended(1, |dropped| {
        let parks = go_on::<Unwinds, _>(move || {
            let _dropped = dropped;
            let me = current::<Unwinds>().expect("a goroutine");
            let waker = thread::spawn(move || me.unpark());
            let ended = Unwinder::catch(park::<Unwinds>);
            waker.join().unwrap();
            if let Err(payload) = ended {
                seen();
                Unwinder::resume(payload);
            }
        });
        drop(parks);
        yield_now::<Unwinds>();
    });
}

/// A goroutine joins another one, which parks, while main returns and ends both.
fn join() {
    ended(2, |dropped| {
        let joins = go_on::<Unwinds, _>(move || {
            let _dropped = dropped;
            // As above.
            if let Ok(parks) = Go::new().spawn::<Unwinds, _, _>(|| park::<Unwinds>()) {
                seen();
                let _ = parks.join();
            }
        });
        drop(joins);
    });
}

/// A goroutine ends that has locked the thread which began the run: that is no M any more, and conducts the end. Another
/// thread is its M then, and does not.
fn again() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let theirs = Dropped(dropped.clone());
    run_on::<Restless>(Shape { machines: 2, ..bare(1) }, move || {
        let ends = go_on::<Restless, _>(lock_os_thread::<Restless>);
        ends.join().expect("it returns");
        // On the second M, which it keeps while the other goroutine runs.
        lock_os_thread::<Restless>();
        let main = current::<Restless>().expect("a goroutine");
        drop(go_on::<Restless, _>(move || {
            let _dropped = theirs;
            seen();
            main.unpark();
            park::<Restless>();
        }));
        park::<Restless>();
    });
    assert_eq!(dropped.load(Ordering::Relaxed), 1, "L22: a goroutine still waits at the run's end");
}

/// A goroutine of a scope panics, and nothing joins it: the scope does.
fn scope() {
    run_on::<Unwinds>(bare(2), || {
        let ended = Unwinder::catch(|| {
            runner::expect("a goroutine of the scope panicked", || {
                generic::scope::<Unwinds, _, _>(|scope| {
                    drop(scope.go(|| Unwinder::resume(Box::new("a panic"))));
                });
            });
        });
        seen();
        assert!(ended.is_err(), "L22: a scope ends well, and a goroutine of it has panicked");
    });
}

/// A goroutine runs on while main returns, and never waits: it is asked, and ended by an operation that might wait.
fn runs() {
    run_on::<Unwinds>(Shape::new(2), || {
        let runs = go_on::<Unwinds, _>(|| {
            seen();
            let lock = generic::Mutex::<(), Unwinds>::new(());
            loop {
                drop(lock.lock());
                thread::yield_now();
            }
        });
        drop::<JoinHandle<(), Unwinds>>(runs);
    });
}

/// A goroutine receives while main returns: the end unwinds it, or the one that has the channel's other end first. It
/// may not find that all senders have gone. What closes the channel, and what is dropped, does so between two
/// unwindings, as above.
fn ends() {
    run_on::<Unwinds>(Shape::new(2), || {
        let rx = Arc::new(Chan::<u8, Unwinds>::new());
        let closes = rx.clone();
        drop(go_on::<Unwinds, _>(move || {
            let ended = Unwinder::catch(park::<Unwinds>);
            // As the last sender does.
            let _ = closes.close();
            drop(closes);
            if let Err(payload) = ended {
                Unwinder::resume(payload);
            }
        }));
        let receives = Go::new().spawn::<Unwinds, _, _>(move || {
            let received = Unwinder::catch(|| rx.recv());
            drop(rx);
            match received {
                Ok(Ok(_)) => (),
                Ok(Err(_)) => unreachable!("L25: a goroutine meets an error that the end has made"),
                Err(payload) => {
                    seen();
                    Unwinder::resume(payload);
                }
            }
        });
        drop(receives);
    });
}

/// A goroutine holds a lock while main returns, and another one tries to take it afterwards.
fn poison() {
    run_on::<Unwinds>(Shape::new(2), || {
        let lock = Arc::new(generic::Mutex::<(), Unwinds>::new(()));
        let theirs = lock.clone();
        drop(go_on::<Unwinds, _>(move || {
            let _guard = theirs.lock();
            park::<Unwinds>();
        }));
        let tries = Go::new().spawn::<Unwinds, _, _>(move || {
            seen();
            // The end comes meanwhile.
            thread::yield_now();
            let poisoned = matches!(lock.try_lock(), Err(TryLockError::Poisoned(_)));
            assert!(!poisoned, "L25: the end of the run poisons a lock");
        });
        drop(tries);
        yield_now::<Unwinds>();
    });
}
