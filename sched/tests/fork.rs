//! A process that forks while a runtime runs: the child may exec or exit, and nothing else.

mod common;

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::child::{in_children, succeeds};
use common::yield_until;
use g0_sched::{
    Runtime, channel, current, go, lock_os_thread, park, sleep, stats, unlock_os_thread, yield_now,
};

/// What to call in a child, and its name.
type Case = (&'static str, fn());

/// What every message says.
const REMEDY: &str = "only exec or _exit";

/// Forks; the child does `what` and exits with 0. How it ended.
fn fork(what: impl FnOnce()) -> libc::c_int {
    // SAFETY: the child does what it is to be stopped from doing, or execs; it ends in `_exit`.
    unsafe {
        let child = libc::fork();
        assert_ne!(child, -1);
        if child == 0 {
            // A child that hangs is ended by the alarm.
            libc::alarm(20);
            what();
            libc::_exit(0);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        status
    }
}

/// It ended itself, with a message (which the parent's parent looks at).
#[track_caller]
fn was_stopped(name: &str, status: libc::c_int) {
    let stopped = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGABRT;
    assert!(stopped, "{name}: the child went on: status {status:#x}");
}

const CASES: [Case; 9] = [
    ("yield_now", yield_now),
    ("go", || drop(go(|| ()))),
    ("park", park),
    ("sleep", || sleep(std::time::Duration::from_millis(1))),
    ("recv", || assert!(channel::<u8>(0).1.recv().is_err())),
    ("lock_os_thread", lock_os_thread),
    ("unlock_os_thread", unlock_os_thread),
    ("stats", || assert!(stats().is_some())),
    ("build", || drop(Runtime::builder().build())),
];

#[test]
fn a_runtime_call_in_a_forked_child_ends_it_and_says_what_to_do() {
    in_children(
        "a_runtime_call_in_a_forked_child_ends_it_and_says_what_to_do",
        |kind, procs| {
            kind.with_procs(procs)
                .run(|| {
                    for (name, call) in CASES {
                        was_stopped(name, fork(call));
                    }
                    // The parent is as before.
                    go(yield_now).join().unwrap();
                })
                .unwrap();
        },
        |kind, procs, out, said| {
            succeeds(kind, procs, out, said);
            assert_eq!(said.matches(REMEDY).count(), CASES.len(), "{said}");
        },
    );
}

#[test]
fn what_waits_is_not_woken_from_a_forked_child() {
    in_children(
        "what_waits_is_not_woken_from_a_forked_child",
        |kind, procs| {
            kind.with_procs(procs)
                .run(|| {
                    let (tx, rx) = channel::<u8>(0);
                    let (give, handle) = channel(1);
                    let receives = go(move || rx.recv());
                    let parks = go(move || {
                        give.send(current().unwrap()).unwrap();
                        park();
                    });
                    let handle = handle.recv().unwrap();
                    let asleep = || stats().unwrap().goroutines.waiting == 2;
                    yield_until("both wait", asleep);
                    was_stopped("a send", fork(|| tx.send(1).unwrap()));
                    was_stopped("an unpark", fork(|| handle.unpark()));
                    assert!(asleep());
                    tx.send(7).unwrap();
                    handle.unpark();
                    assert_eq!(receives.join().unwrap(), Ok(7));
                    parks.join().unwrap();
                })
                .unwrap();
        },
        |kind, procs, out, said| {
            succeeds(kind, procs, out, said);
            assert_eq!(said.matches(REMEDY).count(), 2, "{said}");
        },
    );
}

#[test]
fn a_goroutine_does_not_end_in_a_forked_child() {
    static PARENT: AtomicUsize = AtomicUsize::new(0);
    in_children(
        "a_goroutine_does_not_end_in_a_forked_child",
        |kind, procs| {
            PARENT.store(std::process::id() as usize, Ordering::SeqCst);
            kind.with_procs(procs)
                .run(|| {
                    let status = go(|| {
                        // SAFETY: the child returns from the goroutine, and is stopped there.
                        let child = unsafe { libc::fork() };
                        if child == 0 {
                            return None;
                        }
                        let mut status = 0;
                        // SAFETY: the status is there.
                        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
                        Some(status)
                    });
                    was_stopped("a return", status.join().unwrap().expect("the parent's"));
                })
                .unwrap();
            assert_eq!(PARENT.load(Ordering::SeqCst), std::process::id() as usize);
        },
        |kind, procs, out, said| {
            succeeds(kind, procs, out, said);
            assert_eq!(said.matches(REMEDY).count(), 1, "{said}");
        },
    );
}

#[test]
fn a_child_of_a_thread_that_runs_no_goroutine_is_stopped_too() {
    in_children(
        "a_child_of_a_thread_that_runs_no_goroutine_is_stopped_too",
        |kind, procs| {
            kind.with_procs(procs)
                .run(|| {
                    let (tx, rx) = channel::<u8>(0);
                    std::thread::spawn(move || {
                        was_stopped("a thread", fork(|| assert!(rx.recv().is_err())))
                    })
                    .join()
                    .unwrap();
                    drop(tx);
                })
                .unwrap();
        },
        |kind, procs, out, said| {
            succeeds(kind, procs, out, said);
            assert_eq!(said.matches(REMEDY).count(), 1, "{said}");
        },
    );
}

#[test]
fn a_forked_child_may_exec_and_commands_run_as_ever() {
    in_children(
        "a_forked_child_may_exec_and_commands_run_as_ever",
        |kind, procs| {
            kind.with_procs(procs)
                .run(|| {
                    let status = fork(|| {
                        let program = c"/proc/self/exe".as_ptr();
                        let args = [program, c"--list".as_ptr(), std::ptr::null()];
                        // SAFETY: all strings end, and so does their list.
                        unsafe { libc::execv(program, args.as_ptr()) };
                        panic!("exec failed");
                    });
                    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
                    let out = Command::new("/proc/self/exe").arg("--list").output().unwrap();
                    assert!(out.status.success());
                    go(yield_now).join().unwrap();
                })
                .unwrap();
        },
        succeeds,
    );
}

#[test]
fn a_child_forked_before_the_run_runs_it() {
    in_children(
        "a_child_forked_before_the_run_runs_it",
        |kind, procs| {
            let runtime = kind.with_procs(procs);
            let status = fork(|| {
                let sum = runtime.run(|| {
                    let all: Vec<_> = (0..100).map(|i| go(move || i)).collect();
                    all.into_iter().map(|one| one.join().unwrap()).sum::<u32>()
                });
                assert_eq!(sum.unwrap(), 4950);
            });
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status:#x}");
        },
        succeeds,
    );
}
