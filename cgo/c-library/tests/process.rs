//! What concerns all threads of a process: its group, another program in its place, signals that
//! interrupt, and a second runtime.

#[path = "../../../sched/tests/common/mod.rs"]
mod common;

use std::ffi::{CString, c_char, c_int};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::child::{in_children, succeeds};
use common::on_every_runtime;
use g0_cgo::{call, call_blocking, callback};
use g0_sched::{Runtime, channel, go, lock_os_thread, sleep, yield_now};

unsafe extern "C" {
    safe fn c_interrupts_all() -> c_int;
    safe fn c_interrupts_no_more() -> c_int;
    safe fn c_sets_the_group() -> c_int;
    fn c_executes(program: *const c_char) -> c_int;
}

/// Starts goroutines whose threads end with them, one after the other, until told.
fn threads_come_and_go(stop: &Arc<AtomicBool>) -> g0_sched::JoinHandle<usize> {
    let stop = stop.clone();
    go(move || {
        let mut ended = 0;
        while !stop.load(Ordering::SeqCst) {
            go(|| {
                lock_os_thread();
                yield_now();
            })
            .join()
            .unwrap();
            ended += 1;
        }
        ended
    })
}

#[test]
fn setgid_reaches_all_threads_while_they_come_and_go() {
    in_children(
        "setgid_reaches_all_threads_while_they_come_and_go",
        |kind, procs| {
            let main = || {
                let stop = Arc::new(AtomicBool::new(false));
                let others: Vec<_> = (0..3).map(|_| threads_come_and_go(&stop)).collect();
                for _ in 0..50 {
                    assert_eq!(call(|| c_sets_the_group()), 0);
                    call(|| callback((), || assert_eq!(call_blocking(|| c_sets_the_group()), 0)));
                    yield_now();
                }
                stop.store(true, Ordering::SeqCst);
                assert!(others.into_iter().all(|other| other.join().is_ok()));
            };
            kind.with_procs(procs).run(main).unwrap();
        },
        succeeds,
    );
}

#[test]
fn another_program_takes_the_place_of_this_one_while_threads_come_and_go() {
    let program = ["/bin/true", "/usr/bin/true"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
        .expect("a program that does nothing");
    in_children(
        "another_program_takes_the_place_of_this_one_while_threads_come_and_go",
        |kind, procs| {
            let program = CString::new(program).unwrap();
            let main = || {
                let stop = Arc::new(AtomicBool::new(false));
                let _others: Vec<_> = (0..5).map(|_| threads_come_and_go(&stop)).collect();
                sleep(Duration::from_millis(20));
                // SAFETY: a string.
                let error = call(|| unsafe { c_executes(program.as_ptr()) });
                panic!("no other program: {error}");
            };
            kind.with_procs(procs).run(main).unwrap();
            unreachable!("it has another program");
        },
        succeeds,
    );
}

#[test]
fn whatever_waits_goes_on_waiting_when_signals_interrupt_it() {
    in_children(
        "whatever_waits_goes_on_waiting_when_signals_interrupt_it",
        |kind, procs| {
            let main = || {
                assert_eq!(call(|| c_interrupts_all()), 0);
                let (tx, rx) = channel(0);
                let receiver = go(move || rx.iter().sum::<u32>());
                let sleepers: Vec<_> = (0..10)
                    .map(|i| {
                        let tx = tx.clone();
                        go(move || {
                            for _ in 0..5 {
                                sleep(Duration::from_millis(5));
                                tx.send(i).unwrap();
                                // A thread, and a wait for it.
                                go(lock_os_thread).join().unwrap();
                                call_blocking(|| std::thread::sleep(Duration::from_millis(2)));
                                call(|| callback((), yield_now));
                            }
                        })
                    })
                    .collect();
                sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
                drop(tx);
                assert_eq!(receiver.join().unwrap(), 45 * 5);
                assert_eq!(call(|| c_interrupts_no_more()), 0);
            };
            kind.with_procs(procs).run(main).unwrap();
        },
        succeeds,
    );
}

#[test]
fn two_runtimes_call_each_other_through_c() {
    on_every_runtime(2, || {
        let turns = Arc::new(AtomicUsize::new(0));
        let (theirs, back) = (turns.clone(), channel::<usize>(1));
        let (answer, answered) = back;
        let other = call_blocking(move || {
            // In the place of a library that has a runtime of its own, on a thread of its own.
            std::thread::spawn(move || {
                let runtime = Runtime::builder().procs(1).build().unwrap();
                let ended = runtime.run(move || {
                    for i in 0..10 {
                        call(|| callback(0, || theirs.fetch_add(1, Ordering::SeqCst)));
                        // To a goroutine of the first runtime.
                        answer.send(i).unwrap();
                        go(yield_now).join().unwrap();
                    }
                });
                ended.unwrap();
            })
        });
        let got: Vec<_> = answered.iter().collect();
        assert_eq!(got, (0..10).collect::<Vec<_>>());
        call_blocking(|| other.join().unwrap());
        assert_eq!(turns.load(Ordering::SeqCst), 10);
        // And on this very thread there is one already.
        let nested = call(|| Runtime::builder().procs(1).build().unwrap().run(|| ()));
        assert!(nested.is_err());
    });
}
