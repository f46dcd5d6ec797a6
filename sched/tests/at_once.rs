//! What is made ready or started while a P is idle runs there at once, though the goroutine that has done so computes
//! on (L11). No goroutine is evicted here: what would free a P otherwise, after ten milliseconds.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Kind, Migrating, on_each_kind, suspends_often, tid};
use g0_sched::{Mutex, Runtime, Semaphore, channel, current, go, park, sleep, stats, yield_now};

/// Longer than any M needs to be started, on a machine however busy.
const IN_VAIN: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Flag(Arc<AtomicBool>);

impl Flag {
    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Computes until it is set: no operation of the runtime.
    fn compute_until_set(&self, what: &str) {
        let start = Instant::now();
        while !self.is_set() {
            assert!(start.elapsed() < IN_VAIN, "in vain beside an idle P: {what}");
            std::hint::spin_loop();
        }
    }
}

/// Runs `main` on runtimes with two Ps on which no goroutine is evicted.
fn on_two_ps(main: impl Fn(Kind) + Send + Sync + 'static) {
    on_each_kind(move |kind, procs| {
        let builder = Runtime::builder().procs(2).max_evicted(0);
        if procs == 2 {
            kind.build(builder).run(|| main(kind)).expect("main returns");
        }
    });
}

/// Starts a goroutine that runs `wait`, and returns when that has begun, on another M, and most likely waits; and the
/// flag that is set when it is over.
fn waiting(wait: impl FnOnce() + Send + 'static) -> Flag {
    let (begun, over) = (Flag::default(), Flag::default());
    let (its_begun, its_over) = (begun.clone(), over.clone());
    drop(go(move || {
        its_begun.set();
        wait();
        its_over.set();
    }));
    begun.compute_until_set("a goroutine that is to wait");
    sleep(Duration::from_millis(5));
    over
}

#[test]
fn a_child_runs_on_the_idle_p_although_its_parent_never_gives_way() {
    on_two_ps(|_| {
        for _ in 0..20 {
            let ran = Flag::default();
            let its = ran.clone();
            let child = go(move || its.set());
            ran.compute_until_set("a child");
            child.join().expect("the child returns");
        }
    });
}

#[test]
fn a_receiver_runs_although_its_sender_computes_on() {
    for capacity in [0, 1] {
        on_two_ps(move |_| {
            let (to, from) = channel::<()>(capacity);
            let received = waiting(move || from.recv().expect("a value"));
            to.send(()).expect("a receiver");
            received.compute_until_set("a receiver");
        });
    }
}

#[test]
fn a_receiver_runs_although_what_closed_its_channel_computes_on() {
    on_two_ps(|_| {
        let (to, from) = channel::<()>(0);
        let closed = waiting(move || assert!(from.recv().is_err()));
        drop(to);
        closed.compute_until_set("a receiver of a closed channel");
    });
}

#[test]
fn a_goroutine_runs_although_what_unlocked_for_it_computes_on() {
    on_two_ps(|_| {
        let mutex = Arc::new(Mutex::new(()));
        let held = mutex.lock().expect("no goroutine has panicked");
        let theirs = mutex.clone();
        let locked = waiting(move || drop(theirs.lock().expect("no goroutine has panicked")));
        drop(held);
        locked.compute_until_set("a goroutine that waits for a mutex");

        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire();
        let theirs = semaphore.clone();
        let acquired = waiting(move || drop(theirs.acquire()));
        drop(held);
        acquired.compute_until_set("a goroutine that waits for a permit");
    });
}

#[test]
fn a_goroutine_that_parks_runs_although_what_unparked_it_computes_on() {
    on_two_ps(|_| {
        let (to, from) = std::sync::mpsc::channel();
        let woken = waiting(move || {
            to.send(current().expect("a goroutine")).expect("main waits");
            park();
        });
        from.recv().expect("a handle").unpark();
        woken.compute_until_set("a goroutine that was unparked");
    });
}

#[test]
fn a_joiner_runs_beside_a_goroutine_that_computes() {
    on_two_ps(|kind| {
        let (end, is_bound_here) = (Flag::default(), Flag::default());
        let (its_end, its_is_bound_here, here) = (end.clone(), is_bound_here.clone(), tid());
        let joined = waiting(move || {
            let child = go(move || {
                if tid() == here {
                    its_is_bound_here.set();
                }
                while !its_end.is_set() {
                    yield_now();
                }
            });
            child.join().expect("the child returns");
        });
        end.set();
        if kind.is_pinned() && is_bound_here.is_set() {
            // Its thread is main's, which took it while main slept.
            return;
        }
        joined.compute_until_set("a joiner");
    });
}

#[test]
fn a_goroutine_whose_time_has_come_runs_beside_one_that_computes() {
    on_two_ps(|_| {
        let slept = waiting(|| sleep(Duration::from_millis(20)));
        slept.compute_until_set("a goroutine that sleeps");
    });
}

#[test]
fn a_goroutine_that_a_thread_wakes_runs_beside_one_that_computes() {
    on_two_ps(|_| {
        let (to, from) = channel::<()>(0);
        let received = waiting(move || from.recv().expect("a value"));
        let sender = std::thread::spawn(move || to.send(()).expect("a receiver"));
        received.compute_until_set("a receiver whose sender is a thread");
        sender.join().expect("the thread returns");
    });
}

/// A child that was started while all Ps were busy lies in `runnext`: it is borrowed from there.
#[test]
fn a_child_of_a_busy_time_runs_when_a_p_is_idle_although_its_parent_computes_on() {
    on_two_ps(|_| {
        for _ in 0..20 {
            let (begun, end, ran) = (Flag::default(), Flag::default(), Flag::default());
            let (its_begun, its_end, its_ran) = (begun.clone(), end.clone(), ran.clone());
            let other = go(move || {
                its_begun.set();
                its_end.compute_until_set("the word of main");
            });
            begun.compute_until_set("a goroutine beside main");
            let child = go(move || its_ran.set());
            end.set();
            ran.compute_until_set("a child of a busy time");
            child.join().expect("the child returns");
            other.join().expect("the other returns");
        }
    });
}

/// One goroutine is alone behind another that computes: it was put there by a goroutine that yielded.
#[test]
fn a_goroutine_that_has_yielded_runs_on_the_idle_p() {
    on_two_ps(|kind| {
        if kind.threads != Migrating {
            return; // elsewhere it stays on its thread
        }
        for _ in 0..20 {
            let (yielded, computes) = (Flag::default(), Flag::default());
            let (theirs, its) = (yielded.clone(), computes.clone());
            let other = go(move || {
                its.set();
                theirs.compute_until_set("the goroutine that has yielded to this one");
            });
            while !computes.is_set() {
                yield_now();
            }
            yielded.set();
            other.join().expect("the other returns");
        }
    });
}

/// Two goroutines that hand each other a channel stay on one P, though another one is idle: few of their hand-overs
/// are stolen.
#[test]
fn a_pair_stays_together() {
    const ROUNDS: usize = 20_000;
    on_two_ps(|kind| {
        if kind.threads != Migrating {
            return; // elsewhere each stays on its thread, be it the same or not
        }
        let before = stats().expect("a runtime");
        let (to, from_main) = channel::<usize>(0);
        let (to_main, from) = channel::<usize>(0);
        let rounds = Arc::new(AtomicUsize::new(0));
        let theirs = rounds.clone();
        let echo = go(move || {
            for value in &from_main {
                theirs.fetch_add(1, Ordering::Relaxed);
                to_main.send(value).expect("main receives");
            }
        });
        for i in 0..ROUNDS {
            to.send(i).expect("the echo receives");
            assert_eq!(from.recv().expect("an echo"), i);
        }
        drop(to);
        echo.join().expect("the echo ends");
        assert_eq!(rounds.load(Ordering::Relaxed), ROUNDS);
        if suspends_often() {
            return; // each operation puts one of the two where it can be stolen
        }
        let after = stats().expect("a runtime");
        let steals = after.steals - before.steals;
        assert!(steals < ROUNDS as u64 / 10, "{steals} steals in {ROUNDS} round trips");
        let fences = after.heavy_fences - before.heavy_fences;
        assert!(fences < ROUNDS as u64 / 10, "{fences} heavy fences in {ROUNDS} round trips");
    });
}
