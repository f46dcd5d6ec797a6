//! Threads of C's own before a runtime has begun, while it ends and afterwards; what ends them, and what
//! ends the program.

#[path = "../../sched/tests/common/mod.rs"]
mod common;
mod threads;

use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::child::{in_children, status_bytes};
use common::count::Count;
use common::{on_each_kind, on_every_runtime};
use g0_cgo::{
    BadCall, CallbackError, call, call_blocking, callback, callback_unwind, try_callback,
};
use g0_sched::{ForeignThreads, RunError, Runtime, current, go, goexit, park, sleep, yield_now};
use threads::{CThread, alone, is_bound, machine, on_c_thread};

/// A thread of C's own that does what it is told, and says when it is done.
struct Servant {
    orders: Sender<Box<dyn FnOnce() + Send>>,
    done: Mutex<Receiver<()>>,
    thread: CThread,
}

impl Servant {
    fn new() -> Self {
        let (orders, ordered) = channel::<Box<dyn FnOnce() + Send>>();
        let (say, done) = channel();
        let thread = CThread::new(move || {
            for order in ordered {
                order();
                say.send(()).unwrap();
            }
        });
        Self { orders, done: Mutex::new(done), thread }
    }

    /// Blocks until it is done; an answer comes back.
    fn does<T: Send + 'static>(&self, what: impl FnOnce() -> T + Send + 'static) -> T {
        let answer = Arc::new(Mutex::new(None));
        let theirs = answer.clone();
        self.begins(move || *theirs.lock().unwrap() = Some(what()));
        self.is_done();
        answer.lock().unwrap().take().unwrap()
    }

    fn is_done(&self) {
        self.done.lock().unwrap().recv().unwrap();
    }

    fn begins(&self, what: impl FnOnce() + Send + 'static) {
        self.orders.send(Box::new(what)).unwrap();
    }

    fn ends(self) {
        drop(self.orders);
        self.thread.join();
    }
}

#[test]
fn before_the_runtime_has_begun_c_gets_the_default_and_the_error_says_why() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let servant = Servant::new();
        let runtime = kind.with_procs(procs);
        assert_eq!(servant.does(|| callback(-1, || 1)), -1);
        assert_eq!(servant.does(|| try_callback(|| 1)), Err(CallbackError::NoRuntime));
        let count = Count::new();
        let one = count.one();
        servant.does(move || callback((), move || drop(one)));
        count.assert_all_dropped(1);
        assert!(!servant.does(is_bound));
        runtime
            .run(|| assert_eq!(call_blocking(|| servant.does(|| callback(-1, || 1))), 1))
            .unwrap();
        servant.ends();
    });
    let text = CallbackError::NoRuntime.to_string();
    assert!(text.contains("start the runtime before"), "{text}");
}

#[test]
fn after_the_runtime_has_ended_c_gets_the_default_and_the_next_one_takes_the_thread() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let servant = Servant::new();
        for round in 0..3 {
            let begin = Instant::now();
            kind.with_procs(procs)
                .run(|| {
                    call_blocking(|| {
                        assert_eq!(servant.does(move || callback(-1, move || round)), round);
                        assert!(servant.does(is_bound));
                    });
                })
                .unwrap();
            assert!(begin.elapsed() < Duration::from_secs(20), "the end does not wait for it");
            if round != 1 {
                assert!(servant.does(is_bound), "it has not looked yet");
                assert_eq!(servant.does(|| callback(-1, || 7)), -1);
                assert_eq!(servant.does(|| try_callback(|| 7)), Err(CallbackError::NoRuntime));
                assert!(!servant.does(is_bound));
            }
        }
        servant.ends();
    });
}

#[test]
fn a_run_ends_while_threads_call_back_all_the_time() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let stop = Arc::new(AtomicBool::new(false));
        let ended = {
            let stop = stop.clone();
            kind.with_procs(procs)
                .run_counted(move || {
                    let came = Arc::new(AtomicUsize::new(0));
                    let threads: Vec<_> = (0..4)
                        .map(|_| {
                            let (stop, came) = (stop.clone(), came.clone());
                            CThread::new(move || {
                                while !stop.load(Ordering::SeqCst) {
                                    let seen = try_callback(|| {
                                        came.fetch_add(1, Ordering::SeqCst);
                                        yield_now();
                                    });
                                    assert!(matches!(seen, Ok(()) | Err(CallbackError::NoRuntime)));
                                }
                            })
                        })
                        .collect();
                    common::yield_until("all come", || came.load(Ordering::SeqCst) > 20);
                    threads
                })
                .unwrap()
        };
        std::thread::sleep(Duration::from_millis(5));
        stop.store(true, Ordering::SeqCst);
        // On a machine so busy that a callback waits for its P for longer than the end waits for the callback,
        // that is left behind, and its thread with it.
        if ended.left_behind == 0 {
            ended.result.expect("main returns").into_iter().for_each(CThread::join);
        }
    });
}

#[test]
fn the_end_waits_for_a_callback_that_runs() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let servant = Servant::new();
        let ended = kind
            .with_procs(procs)
            .run_counted(|| {
                let (up, is_up) = channel();
                servant.begins(move || {
                    let value = callback(-1, || {
                        up.send(()).unwrap();
                        std::thread::sleep(Duration::from_millis(20));
                        5
                    });
                    assert_eq!(value, 5);
                });
                call_blocking(|| is_up.recv().unwrap());
            })
            .unwrap();
        assert_eq!(ended.left_behind, 0);
        servant.is_done();
        servant.ends();
    });
}

#[test]
fn a_callback_that_waits_or_starts_something_at_the_end_is_unwound_and_c_gets_the_default() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let [waits, starts] = [(); 2].map(|()| Servant::new());
        let ended = kind
            .with_procs(procs)
            .run_counted(|| {
                let (up, is_up) = channel();
                let (theirs, guard) = (up.clone(), count.one());
                waits.begins(move || {
                    let seen = try_callback(|| {
                        let _guard = guard;
                        theirs.send(()).unwrap();
                        loop {
                            park();
                        }
                    });
                    assert_eq!(seen, Err::<(), _>(CallbackError::NoRuntime));
                });
                let guard = count.one();
                starts.begins(move || {
                    let seen = try_callback(|| {
                        let _guard = guard;
                        up.send(()).unwrap();
                        loop {
                            let _ = go(|| ()).join();
                        }
                    });
                    assert_eq!(seen, Err::<(), _>(CallbackError::NoRuntime));
                });
                call_blocking(|| (0..2).for_each(|_| is_up.recv().unwrap()));
            })
            .unwrap();
        assert_eq!(ended.left_behind, 0);
        for servant in [waits, starts] {
            servant.is_done();
            assert_eq!(servant.does(|| try_callback(|| ())), Err(CallbackError::NoRuntime));
            servant.ends();
        }
        count.assert_all_dropped(2);
    });
}

#[test]
fn a_callback_that_waits_above_c_is_unwound_or_left_behind_with_its_thread() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        for drops_c in [false, true] {
            let (tell, told) = std::sync::mpsc::channel();
            let ended = kind
                .with_procs(procs)
                .run_counted(move || {
                    let (up, is_up) = channel();
                    let thread = CThread::new(move || {
                        let waits = || {
                            up.send(()).unwrap();
                            loop {
                                park();
                            }
                        };
                        let seen = try_callback(|| {
                            call(|| match drops_c {
                                // SAFETY: nothing unwinds.
                                true => unsafe { callback_unwind::<()>(waits) },
                                false => callback((), waits),
                            });
                        });
                        tell.send(seen).unwrap();
                    });
                    thread.detach();
                    call_blocking(|| is_up.recv().unwrap());
                })
                .unwrap();
            let left = u64::from(drops_c);
            assert_eq!((ended.left_behind, ended.threads_left as u64), (left, left));
            if !drops_c {
                let seen = told.recv_timeout(Duration::from_secs(20)).expect("C has its value");
                assert_eq!(seen, Err(CallbackError::NoRuntime));
            }
        }
    });
}

#[test]
fn after_mains_goexit_the_last_callback_ends_the_run() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let servant = Arc::new(Servant::new());
        let seen = Arc::new(AtomicBool::new(false));
        let (theirs, set) = (servant.clone(), seen.clone());
        let result = kind.with_procs(procs).run(move || {
            let (up, is_up) = channel();
            theirs.begins(move || {
                callback((), || {
                    up.send(()).unwrap();
                    sleep(Duration::from_millis(20));
                    set.store(true, Ordering::SeqCst);
                });
            });
            call_blocking(|| is_up.recv().unwrap());
            goexit();
        });
        assert!(matches!(result, Err(RunError::Goexit)));
        assert!(seen.load(Ordering::SeqCst), "the run has waited for the callback");
        servant.is_done();
        assert_eq!(servant.does(|| try_callback(|| ())), Err(CallbackError::NoRuntime));
        Arc::into_inner(servant).unwrap().ends();
    });
}

#[test]
fn after_mains_goexit_a_bound_thread_keeps_nobody() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let servant = Servant::new();
        let result = kind.with_procs(procs).run(|| {
            call_blocking(|| servant.does(|| callback((), || ())));
            drop(go(|| (0..20).for_each(|_| yield_now())));
            goexit();
        });
        assert!(matches!(result, Err(RunError::Goexit)));
        servant.ends();
    });
}

#[test]
fn of_several_runtimes_threads_come_to_the_one_that_has_run_for_the_longest() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let servant = Servant::new();
        let id_of = |runtime: Runtime| {
            let watch = runtime.watch();
            (runtime, watch)
        };
        // One that is not meant does not count, though it is the first.
        let ((refuses, _), (first, one), (second, two)) = (
            id_of(kind.build(Runtime::builder().procs(1).foreign_threads(ForeignThreads::Refuse))),
            id_of(kind.with_procs(procs)),
            id_of(kind.with_procs(procs)),
        );
        let callbacks = || (one.stats().callbacks, two.stats().callbacks);
        let (end_0, ended_0) = channel::<()>();
        let (end_1, ended_1) = channel::<()>();
        let (up, is_up) = channel();
        let run = |runtime: Runtime, until: Receiver<()>| {
            let up = up.clone();
            let thread = std::thread::spawn(move || {
                runtime
                    .run(move || {
                        up.send(()).unwrap();
                        call_blocking(|| until.recv().unwrap());
                    })
                    .unwrap();
            });
            is_up.recv().unwrap();
            thread
        };
        let zeroth = run(refuses, ended_0);
        assert_eq!(servant.does(|| try_callback(|| ())), Err(CallbackError::NoRuntime));
        let first = run(first, ended_1);
        assert_eq!(servant.does(|| try_callback(|| ())), Ok(()));
        assert_eq!(callbacks(), (1, 0));
        let (end_2, ended_2) = channel::<()>();
        let second = run(second, ended_2);
        let other = Servant::new();
        assert_eq!(other.does(|| try_callback(|| ())), Ok(()));
        assert_eq!(callbacks(), (2, 0), "a new thread comes to the first, too");
        end_1.send(()).unwrap();
        first.join().unwrap();
        assert_eq!(servant.does(|| try_callback(|| ())), Ok(()));
        assert_eq!(other.does(|| try_callback(|| ())), Ok(()));
        assert_eq!(callbacks().1, 2, "then to the second, bound elsewhere before or not");
        end_2.send(()).unwrap();
        end_0.send(()).unwrap();
        second.join().unwrap();
        zeroth.join().unwrap();
        servant.ends();
        other.ends();
    });
}

#[test]
fn a_bound_thread_may_run_a_runtime_itself() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        kind.with_procs(procs)
            .run(move || {
                on_c_thread(move || {
                    callback((), || ());
                    assert!(is_bound());
                    for lock in [false, true] {
                        let mut builder = Runtime::builder().procs(1);
                        if lock {
                            builder = builder.lock_main_thread();
                        }
                        let sum = kind.build(builder).run(|| go(|| 20).join().unwrap() + 1);
                        assert_eq!(sum.unwrap(), 21);
                        assert!(!is_bound());
                        assert_eq!(callback(0, || 1), 1);
                    }
                });
            })
            .unwrap();
    });
}

#[test]
fn a_handle_of_a_callbacks_goroutine_outlives_thread_and_runtime() {
    let _alone = alone();
    on_each_kind(|kind, procs| {
        let handle = Arc::new(Mutex::new(None));
        let theirs = handle.clone();
        kind.with_procs(procs)
            .run(move || {
                let again = theirs.clone();
                let servant = Servant::new();
                call_blocking(|| {
                    servant.does(move || callback((), || *again.lock().unwrap() = current()));
                });
                let woken = theirs.lock().unwrap().clone().unwrap();
                woken.unpark();
                call_blocking(|| {
                    // The token of a goroutine that does not run is for its next callback.
                    servant.does(|| callback((), park));
                    servant.ends();
                });
                woken.unpark();
            })
            .unwrap();
        let handle = handle.lock().unwrap().take().unwrap();
        assert_ne!(handle.id(), 0);
        assert_eq!(handle.name(), "foreign thread");
        handle.unpark();
    });
}

mod at_the_very_end {
    use super::*;

    use std::ffi::c_void;
    use std::sync::atomic::AtomicU32;

    type GoroutineInfo = (&'static str, bool, Result<usize, CallbackError>);

    /// What each destructor has seen.
    static SEEN: Mutex<Vec<GoroutineInfo>> = Mutex::new(Vec::new());

    fn look(who: &'static str) {
        let bound = is_bound();
        let seen = try_callback(|| {
            yield_now();
            machine()
        });
        assert_eq!(is_bound(), bound, "a callback at the end leaves it as it was");
        SEEN.lock().unwrap().push((who, bound, seen));
    }

    struct Local;

    impl Drop for Local {
        fn drop(&mut self) {
            look("thread-local");
        }
    }

    thread_local!(static LOCAL: Local = const { Local });

    extern "C" fn of_key(_: *mut c_void) {
        look("key");
    }

    #[test]
    fn callbacks_in_destructors_find_the_thread_bound_or_borrow_a_machine() {
        static KEY: AtomicU32 = AtomicU32::new(0);
        let _alone = alone();
        on_every_runtime(2, || {
            SEEN.lock().unwrap().clear();
            let (tx, rx) = channel();
            on_c_thread(move || {
                LOCAL.with(|_| ());
                let m = callback(0, machine);
                // Made after the platform's own, so its destructor runs after that one.
                if KEY.load(Ordering::SeqCst) == 0 {
                    let mut key = 0;
                    // SAFETY: the destructor lives as long as the program.
                    assert_eq!(unsafe { libc::pthread_key_create(&mut key, Some(of_key)) }, 0);
                    KEY.store(key, Ordering::SeqCst);
                }
                // SAFETY: a valid key.
                let rc = unsafe {
                    libc::pthread_setspecific(KEY.load(Ordering::SeqCst), (&raw const SEEN).cast())
                };
                assert_eq!(rc, 0);
                tx.send(m).unwrap();
            });
            let m = rx.recv().unwrap();
            let seen = SEEN.lock().unwrap();
            let [(first, bound, same), (second, unbound, some)] = seen[..] else {
                panic!("both have run: {seen:?}")
            };
            assert_eq!((first, bound, same), ("thread-local", true, Ok(m)));
            assert_eq!((second, unbound), ("key", false));
            assert!(some.is_ok(), "it was lent a machine");
            assert_eq!(g0_sched::stats().unwrap().machines.foreign, 0, "and gave it back");
        });
    }
}

#[test]
fn a_thread_that_is_cancelled_gives_its_machine_back() {
    use std::ffi::c_void;
    unsafe extern "C-unwind" {
        fn pthread_testcancel();
    }
    static UP: AtomicBool = AtomicBool::new(false);
    extern "C-unwind" fn start(_: *mut c_void) -> *mut c_void {
        callback((), yield_now);
        UP.store(true, Ordering::SeqCst);
        loop {
            std::thread::yield_now();
            // SAFETY: a point at which it may be cancelled; nothing here is to be dropped. Not one that
            // blocks: of a thread that is cancelled there the thread sanitizer sees no atomics any more.
            unsafe { pthread_testcancel() };
        }
    }
    unsafe extern "C" {
        fn pthread_cancel(thread: libc::pthread_t) -> libc::c_int;
    }
    let _alone = alone();
    on_every_runtime(2, || {
        for _ in 0..3 {
            UP.store(false, Ordering::SeqCst);
            let mut thread = 0;
            // SAFETY: the two differ in whether they may be unwound, which is what is tried here.
            let rc = unsafe {
                let start: extern "C" fn(*mut c_void) -> *mut c_void =
                    std::mem::transmute(start as extern "C-unwind" fn(*mut c_void) -> *mut c_void);
                libc::pthread_create(&mut thread, std::ptr::null(), start, std::ptr::null_mut())
            };
            assert_eq!(rc, 0);
            common::yield_until("it is up", || UP.load(Ordering::SeqCst));
            assert_eq!(g0_sched::stats().unwrap().machines.foreign, 1);
            call_blocking(|| {
                // SAFETY: it waits to be cancelled.
                unsafe {
                    assert_eq!(pthread_cancel(thread), 0);
                    assert_eq!(libc::pthread_join(thread, std::ptr::null_mut()), 0);
                }
            });
            assert_eq!(g0_sched::stats().unwrap().machines.foreign, 0);
        }
    });
}

#[test]
fn runtimes_that_their_foreign_threads_have_left_are_freed() {
    in_children(
        "runtimes_that_their_foreign_threads_have_left_are_freed",
        |kind, procs| {
            let run = || {
                kind.with_procs(procs)
                    .run(|| {
                        call_blocking(|| {
                            let thread = |_| CThread::new(|| callback((), yield_now));
                            (0..4)
                                .map(thread)
                                .collect::<Vec<_>>()
                                .into_iter()
                                .for_each(CThread::join);
                        });
                    })
                    .unwrap();
            };
            (0..5).for_each(|_| run());
            let before = status_bytes("VmRSS");
            (0..60).for_each(|_| run());
            let more = status_bytes("VmRSS").saturating_sub(before);
            // A runtime that stays, with five stacks that were used, is 100 KiB and more.
            // An emulator's memory is its own: it keeps what it has translated.
            let emulated = std::env::var("G0_TEST_RUNNER").is_ok_and(|runner| !runner.is_empty());
            assert!(emulated || more < 3 << 20, "{more} bytes more after 60 runtimes");
        },
        common::child::succeeds,
    );
}

fn dies(test: &str, misuse: fn(), bad: BadCall) {
    in_children(
        test,
        |kind, procs| drop(kind.with_procs(procs).run(|| on_c_thread(misuse))),
        |kind, procs, out, said| {
            let what = format!("{kind:?} with {procs} procs: {:?}: {said}", out.status);
            assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{what}");
            assert!(said.contains(&format!("fatal error: {bad}")), "{what}");
            assert!(said.contains("(foreign thread)"), "{what}");
        },
    );
}

#[test]
fn a_panic_that_nobody_catches_is_fatal() {
    dies(
        "a_panic_that_nobody_catches_is_fatal",
        || callback((), || panic!("nobody catches this")),
        BadCall::ForeignPanic,
    );
}

#[test]
fn a_panic_that_would_drop_cs_frames_is_fatal() {
    dies(
        "a_panic_that_would_drop_cs_frames_is_fatal",
        // SAFETY: it never comes to dropping anything.
        || unsafe { callback_unwind(|| panic!("nobody catches this")) },
        BadCall::ForeignPanic,
    );
}

#[test]
fn goexit_is_fatal() {
    dies("goexit_is_fatal", || callback((), || goexit()), BadCall::ForeignGoexit);
}

#[test]
fn a_panic_says_so_before_it_is_fatal() {
    in_children(
        "a_panic_says_so_before_it_is_fatal",
        |kind, procs| {
            drop(kind.with_procs(procs).run(|| {
                on_c_thread(|| callback((), || panic!("what went wrong")));
            }));
        },
        |_, _, _, said| assert!(said.contains("what went wrong"), "{said}"),
    );
}

#[test]
fn without_a_runtime_the_form_that_has_no_default_is_fatal() {
    in_children(
        "without_a_runtime_the_form_that_has_no_default_is_fatal",
        // SAFETY: it never comes to dropping anything.
        |_, _| unsafe { callback_unwind(|| ()) },
        |_, _, out, said| {
            assert_eq!(out.status.signal(), Some(libc::SIGABRT));
            assert!(said.contains(BadCall::NoRuntime.text()), "{said}");
        },
    );
}
