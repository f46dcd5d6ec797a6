//! Callbacks and goroutines that are locked to their threads; calls of C functions that fork.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use common::child::{in_children, succeeds};
use common::{on_every_runtime, tid};
use g0_cgo::{call, callback};
use g0_sched::{channel, go, lock_os_thread, os_thread_locked, unlock_os_thread, yield_now};

/// Returns the sum of what a generator gives, which is locked from its beginning if `give`; its taker is
/// locked meanwhile, if `take`.
fn generated(give: bool, take: bool) -> u32 {
    let (tx, rx) = channel::<u32>(0);
    if take {
        lock_os_thread();
    }
    let mine = tid();
    let generator = go(move || {
        if give {
            lock_os_thread();
        }
        let mine = tid();
        for i in 0..10 {
            tx.send(i).unwrap();
            assert!(!give || tid() == mine);
        }
    });
    let sum = rx.iter().inspect(|_| assert!(!os_thread_locked() || tid() == mine)).sum();
    generator.join().unwrap();
    if take {
        unlock_os_thread();
    }
    sum
}

#[test]
fn l1_generators_made_in_callbacks_and_outside_may_be_locked_on_either_side() {
    on_every_runtime(2, || {
        for (give, take) in [(false, false), (false, true), (true, false), (true, true)] {
            let thread = call(|| {
                let thread = tid();
                assert_eq!(callback(0, || generated(give, take)), 45);
                // Again from a callback of a callback.
                assert_eq!(callback(0, || call(|| callback(0, || generated(give, take)))), 45);
                assert_eq!(tid(), thread, "C stays where it is");
                thread
            });
            assert!(!os_thread_locked() && thread != 0);
            assert_eq!(generated(give, take), 45);
        }
    });
}

#[test]
fn l1_a_generator_made_outside_is_gone_on_with_in_a_callback_and_back() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(0);
        let generator = go(move || {
            lock_os_thread();
            let mine = tid();
            for i in 0..30 {
                tx.send(i).unwrap();
                assert_eq!(tid(), mine);
            }
        });
        for i in 0..10 {
            assert_eq!(rx.recv(), Ok(i * 3));
            let in_c = call(|| {
                let thread = tid();
                let (one, two) = (callback(0, || rx.recv().unwrap()), tid());
                assert_eq!(two, thread, "C stays where it is");
                one
            });
            assert_eq!(in_c, i * 3 + 1);
            lock_os_thread();
            assert_eq!(rx.recv(), Ok(i * 3 + 2));
            unlock_os_thread();
        }
        generator.join().unwrap();
    });
}

/// What the message of a forked child says.
const REMEDY: &str = "only exec or _exit";

/// Returns how a child ended.
fn status_of(child: libc::pid_t) -> libc::c_int {
    let mut status = 0;
    // SAFETY: the status is there.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status
}

fn is_stopped(status: libc::c_int) -> bool {
    libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGABRT
}

#[test]
fn a_c_function_that_forks_and_execs_is_called_as_any_other() {
    in_children(
        "a_c_function_that_forks_and_execs_is_called_as_any_other",
        |kind, procs| {
            /// As `posix_spawn` and its like did it of old.
            extern "C" fn spawn() -> libc::pid_t {
                // Not this program: under an emulator the system would not know it.
                let program = c"/bin/true".as_ptr();
                let args = [program, std::ptr::null()];
                // SAFETY: the child does nothing but exec; all strings end, and so does their list.
                unsafe {
                    let child = libc::fork();
                    if child == 0 {
                        libc::execv(program, args.as_ptr());
                        libc::_exit(1);
                    }
                    child
                }
            }
            kind.with_procs(procs)
                .run(|| {
                    let all: Vec<_> = (0..4).map(|_| go(|| call(|| status_of(spawn())))).collect();
                    for status in all {
                        assert_eq!(status.join().unwrap(), 0);
                        yield_now();
                    }
                })
                .unwrap();
        },
        succeeds,
    );
}

#[test]
fn a_c_function_that_forks_and_calls_back_or_returns_in_the_child_is_told() {
    in_children(
        "a_c_function_that_forks_and_calls_back_or_returns_in_the_child_is_told",
        |kind, procs| {
            // SAFETY: what the child does is what it is stopped from doing.
            let fork = || unsafe {
                let child = libc::fork();
                if child == 0 {
                    libc::alarm(20);
                }
                child
            };
            kind.with_procs(procs)
                .run(|| {
                    let child = call(|| {
                        let child = fork();
                        if child == 0 {
                            callback((), yield_now);
                            // SAFETY: the end of a child that was not stopped.
                            unsafe { libc::_exit(0) };
                        }
                        child
                    });
                    assert!(is_stopped(status_of(child)), "a callback in the child");
                    let child = call(fork);
                    if child == 0 {
                        yield_now();
                        // SAFETY: as above.
                        unsafe { libc::_exit(0) };
                    }
                    assert!(is_stopped(status_of(child)), "a yield in the child");
                    go(yield_now).join().unwrap();
                })
                .unwrap();
        },
        |kind, procs, out, said| {
            succeeds(kind, procs, out, said);
            assert_eq!(said.matches(REMEDY).count(), 2, "{said}");
        },
    );
}
