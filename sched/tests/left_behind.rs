//! Threads on which frames of goroutines lie that a run has left behind (L23): they never end. All others do.

mod common;
#[allow(dead_code, reason = "the other test files use the rest")]
mod own;

use std::cell::Cell;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::child::{self, in_children, succeeds};
use common::{
    Exclusive, Migrating, Pinned, Threads, bounded, on_each_kind, quiet_panic, suspends_often, tid,
    yield_until,
};
use g0_sched::{channel, go, goexit, lock_os_thread, park, sleep, yield_now};
use own::rt;

/// Is dropped with the thread that it belongs to.
struct OfThread(Cell<Option<Arc<AtomicBool>>>);

impl Drop for OfThread {
    fn drop(&mut self) {
        if let Some(gone) = self.0.take() {
            gone.store(true, Ordering::SeqCst);
        }
    }
}

thread_local! {
    static OF_THREAD: OfThread = const { OfThread(Cell::new(None)) };
}

/// A thread, as it is seen from others.
#[derive(Clone)]
struct Seen {
    tid: i32,
    gone: Arc<AtomicBool>,
}

impl Seen {
    /// The calling thread. It must have been seen once at most.
    fn this() -> Self {
        let seen = Self { tid: tid(), gone: Arc::new(AtomicBool::new(false)) };
        OF_THREAD.with(|own| own.0.set(Some(seen.gone.clone())));
        seen
    }

    fn exists(&self) -> bool {
        Path::new(&format!("/proc/self/task/{}", self.tid)).exists()
    }

    /// It is there for long, and what is its own with it.
    fn stays(&self) {
        std::thread::sleep(Duration::from_millis(50));
        assert!(self.exists(), "L23: the thread has ended");
        assert!(!self.gone.load(Ordering::SeqCst), "L23: its thread-locals have gone");
    }

    /// It ends soon.
    fn ends(&self) {
        let begin = Instant::now();
        while self.exists() || !self.gone.load(Ordering::SeqCst) {
            assert!(begin.elapsed() < Duration::from_secs(20), "the thread does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Runs what it has when it is dropped.
struct InDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for InDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Unwinds, and does `waits` meanwhile, which takes for ever: the end of the run does not reach it.
fn unwinds_for_ever(waits: impl FnMut()) {
    let _waits = InDrop(waits);
    quiet_panic("it unwinds");
}

/// Has swallowed its Goexit, so that the end of the run does not throw another; then does `waits`, for ever.
fn has_exited_and_stays(goexit: fn() -> Infallible, waits: impl FnOnce()) {
    let swallowed = std::panic::catch_unwind(goexit);
    drop(swallowed);
    waits();
}

fn park_for_ever() {
    loop {
        park();
    }
}

#[test]
fn l23_the_thread_of_a_goroutine_that_waits_while_it_unwinds_stays() {
    on_each_kind(|kind, procs| {
        let begin = Instant::now();
        let runtime = kind.with_procs(procs);
        let watch = runtime.watch();
        let ended = runtime.run_counted(move || {
            // It shares its thread with no other, on no kind of runtime: so main has one of its own.
            lock_os_thread();
            let (tx, rx) = channel(1);
            let waits = move || {
                tx.send(Seen::this()).unwrap();
                park_for_ever();
            };
            drop(go(|| unwinds_for_ever(waits)));
            (rx.recv().unwrap(), Seen::this())
        });
        let ended = ended.unwrap();
        assert_eq!((ended.left_behind, ended.threads_left), (1, 1));
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        let (left, of_main) = ended.result.unwrap();
        of_main.ends();
        left.stays();
        assert_eq!((watch.stats().machines.kept, watch.stats().machines.all()), (1, 1));
    });
}

#[test]
fn l23_a_goroutine_that_only_waits_keeps_the_thread_that_it_is_bound_to() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run_counted(move || {
            lock_os_thread();
            let (tx, rx) = channel(1);
            let waits = move || {
                tx.send(Seen::this()).unwrap();
                park_for_ever();
            };
            drop(go(|| has_exited_and_stays(|| goexit(), waits)));
            rx.recv().unwrap()
        });
        let ended = ended.unwrap();
        assert_eq!((ended.left_behind, ended.threads_left), (1, usize::from(!kind.migrates())));
        let seen = ended.result.unwrap();
        if kind.migrates() {
            // What it may keep of a thread, the contract of that runtime says: nothing.
            seen.ends();
        } else {
            seen.stays();
        }
    });
}

#[test]
fn l23_a_loop_leaves_its_thread_to_those_that_are_bound_to_it() {
    if suspends_often() {
        return; // No goroutine comes to the thread of another there, but by chance.
    }
    on_each_kind(|kind, procs| {
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = stop.clone();
        let ended = kind.with_procs(procs).run_counted(move || {
            lock_os_thread();
            let (tx, rx) = channel(1);
            drop(go(move || {
                tx.send(tid()).unwrap();
                park_for_ever();
            }));
            let waits = rx.recv().unwrap();
            // One of these loops until the run is over. Where goroutines share threads, it is one that comes to the
            // thread of the one that waits. (`std`'s channel, whose operations never suspend.)
            let (tx, rx) = std::sync::mpsc::channel();
            let (caught, tried) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
            yield_until("a goroutine on the right thread", || {
                let (stop, tx) = (theirs.clone(), tx.clone());
                let (theirs, tries) = (caught.clone(), tried.clone());
                let before = tried.load(Ordering::SeqCst);
                drop(go(move || {
                    let here = tid() == waits || kind.threads == Exclusive;
                    if here && !theirs.swap(true, Ordering::SeqCst) {
                        tx.send(Seen::this()).unwrap();
                        tries.fetch_add(1, Ordering::SeqCst);
                        while !stop.load(Ordering::SeqCst) {
                            std::hint::spin_loop();
                        }
                    }
                    tries.fetch_add(1, Ordering::SeqCst);
                }));
                yield_until("it has begun", || tried.load(Ordering::SeqCst) != before);
                caught.load(Ordering::SeqCst)
            });
            rx.recv().unwrap()
        });
        let ended = ended.unwrap();
        // Where it is not bound to that thread, the one that waits is unwound.
        let waits = u64::from(kind.is_pinned());
        assert_eq!((ended.left_behind, ended.threads_left), (1 + waits, 1));
        let seen = ended.result.unwrap();
        seen.stays();
        stop.store(true, Ordering::SeqCst);
        if kind.is_pinned() {
            // The loop has ended, and the other goroutine not.
            seen.stays();
        } else {
            seen.ends();
        }
    });
}

#[test]
fn l23_threads_without_such_frames_end() {
    in_children(
        "l23_threads_without_such_frames_end",
        |kind, procs| {
            let begin = Instant::now();
            let soon = |what: &str, n: usize| {
                while child::threads() != n {
                    assert!(
                        begin.elapsed() < Duration::from_secs(40),
                        "{what}: {}",
                        child::threads()
                    );
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            let before = child::threads();
            for _ in 0..10 {
                let ended = kind.with_procs(procs).run_counted(|| {
                    for _ in 0..8 {
                        drop(go(|| {
                            sleep(Duration::from_millis(1));
                            park_for_ever();
                        }));
                    }
                    let locked = go(|| {
                        lock_os_thread();
                        yield_now();
                    });
                    locked.join().unwrap();
                    sleep(Duration::from_millis(2));
                });
                let ended = ended.unwrap();
                assert_eq!((ended.left_behind, ended.threads_left), (0, 0));
                soon("after a run that leaves none", before);
            }
            for n in 1..=3 {
                let ended = kind.with_procs(procs).run_counted(|| {
                    lock_os_thread();
                    let (tx, rx) = channel(1);
                    let waits = move || {
                        tx.send(()).unwrap();
                        park_for_ever();
                    };
                    drop(go(|| unwinds_for_ever(waits)));
                    rx.recv().unwrap();
                    drop(go(park_for_ever));
                    sleep(Duration::from_millis(1));
                });
                let ended = ended.unwrap();
                assert_eq!((ended.left_behind, ended.threads_left), (1, 1));
                soon("after runs that leave one each", before + n);
            }
        },
        succeeds,
    );
}

/// Main of a scheduler of one's own: comes to its end when a goroutine needs the calling thread, whose number is
/// `caller`; or when one has needed it.
fn main_beside_one_that_needs(caller: i32, threads: Threads, leaves: bool) {
    let (ready, place) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI32::new(0)));
    let begin = Instant::now();
    while !ready.load(Ordering::SeqCst) {
        assert!(begin.elapsed() < Duration::from_secs(20), "no goroutine on the calling thread");
        place.store(0, Ordering::SeqCst);
        let (theirs, there) = (ready.clone(), place.clone());
        drop(rt::go(move || {
            there.store(tid(), Ordering::SeqCst);
            if tid() != caller {
                // Keeps the thread for itself, so that the next one comes to another.
                rt::lock_os_thread();
                loop {
                    rt::park();
                }
            }
            let waits = || {
                theirs.store(true, Ordering::SeqCst);
                if leaves {
                    loop {
                        rt::park();
                    }
                }
            };
            if threads == Migrating {
                // Alone on its thread from then on.
                let _: Result<(), _> =
                    std::panic::catch_unwind(AssertUnwindSafe(|| unwinds_for_ever(waits)));
            } else {
                has_exited_and_stays(|| g0_sched::generic::goexit::<own::Own>(), waits);
            }
        }));
        while place.load(Ordering::SeqCst) == 0 {
            // The P goes to another M meanwhile, if this goroutine is not on the calling thread.
            std::thread::sleep(Duration::from_millis(if tid() == caller { 0 } else { 15 }));
            rt::yield_now();
        }
    }
}

/// A scheduler whose calling thread is an M does not return from beneath such frames.
#[test]
fn l23_a_run_does_not_return_to_a_thread_that_a_goroutine_needs() {
    if suspends_often() {
        return; // Where a goroutine begins it does not remain.
    }
    // On an exclusive scheduler, too, if main does not begin there.
    for (threads, leaves) in
        [(Migrating, true), (Migrating, false), (Pinned, true), (Pinned, false)]
    {
        bounded("a run of one's own", move || {
            let (tx, rx) = std::sync::mpsc::channel();
            let caller = std::thread::spawn(move || {
                let here = tid();
                let scheduler = own::scheduler(1, threads.mobility(), true);
                let _watch = own::watch(scheduler);
                let main = || {
                    main_beside_one_that_needs(here, threads, leaves);
                    tx.send(()).unwrap();
                };
                scheduler.run(main).unwrap().left_behind
            });
            rx.recv_timeout(Duration::from_secs(30)).expect("main ends");
            if leaves {
                std::thread::sleep(Duration::from_millis(1200));
                assert!(
                    !caller.is_finished(),
                    "L23: {threads:?}: the frames of a goroutine lie there"
                );
            } else {
                assert_eq!(caller.join().unwrap(), 0);
            }
        });
    }
}
