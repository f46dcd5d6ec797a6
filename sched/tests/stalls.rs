//! Goroutines that wait for long, perhaps for ever, are listed, and the program goes on.
//!
//! The parts run in processes of their own, with the threads of a test program, which might wake a goroutine.

mod common;

use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use common::child::{in_children, succeeds};
use common::late::{wait_for_a_handle, wait_for_a_waker};
use common::{Kind, quiet_panic, tid};
use g0_sched::{
    Builder, Deadlock, Receiver, Runtime, channel, go, go_named, park, sleep, yield_now,
};

/// What is long, and a wait that is much longer.
const LONG: Duration = Duration::from_millis(40);
const LONGER: Duration = Duration::from_millis(300);
/// A wait within which a stall is told, however busy the machine.
const UNTIL_TOLD: Duration = Duration::from_secs(2);

const QUIET: &str = "g0: nothing has run for ";
const UNWINDING: &str = "g0: a goroutine has waited for ";

fn builder(procs: usize) -> Builder {
    Runtime::builder().procs(procs).report_stalls(LONG)
}

/// Runs `main`, and sends a value to it by a thread of the program's own after `time`.
fn sent_late(kind: Kind, builder: Builder, time: Duration, main: impl FnOnce(Receiver<u8>) + Send) {
    let (tx, rx) = channel(1);
    let thread = std::thread::spawn(move || {
        std::thread::sleep(time);
        tx.send(7).unwrap();
    });
    kind.build(builder).run(|| main(rx)).unwrap();
    thread.join().unwrap();
}

fn says_nothing(kind: Kind, procs: usize, out: &Output, said: &str) {
    succeeds(kind, procs, out, said);
    assert_eq!(said, "", "{kind:?} with {procs} procs");
}

#[test]
fn that_nothing_runs_is_told_once_with_all_that_wait() {
    in_children(
        "that_nothing_runs_is_told_once_with_all_that_wait",
        |kind, procs| {
            sent_late(kind, builder(procs), UNTIL_TOLD, |rx| {
                drop(go_named("parked", park));
                // What was armed and disarmed does not count.
                let (tx, timed) = channel::<u8>(0);
                let sender = go(move || tx.send(1).unwrap());
                assert_eq!(timed.recv_timeout(Duration::from_secs(3600)), Ok(1));
                sender.join().unwrap();
                assert_eq!(rx.recv(), Ok(7));
            });
        },
        |kind, procs, out, said| {
            succeeds(kind, procs, out, said);
            let lines: Vec<_> = said.lines().collect();
            assert_eq!(lines.len(), 3, "{kind:?} with {procs} procs: {said}");
            assert!(lines[0].starts_with(QUIET), "{said}");
            assert!(lines[0].contains(" s while 2 goroutines wait"), "{said}");
            assert!(lines[1].contains("(main), waits for "), "{said}");
            assert!(lines[1].contains("channel receive, started at "), "{said}");
            assert!(lines[2].contains("(parked), waits for "), "{said}");
        },
    );
}

#[test]
fn what_can_be_woken_by_a_handle_or_a_waker_has_not_stalled() {
    in_children(
        "what_can_be_woken_by_a_handle_or_a_waker_has_not_stalled",
        |kind, procs| {
            kind.build(builder(procs))
                .run(|| {
                    wait_for_a_handle(LONGER);
                    wait_for_a_waker(LONGER);
                })
                .unwrap();
        },
        says_nothing,
    );
}

#[test]
fn what_sleeps_has_not_stalled() {
    in_children(
        "what_sleeps_has_not_stalled",
        |kind, procs| {
            kind.build(builder(procs))
                .run(|| {
                    drop(go(park));
                    sleep(LONGER);
                })
                .unwrap();
        },
        says_nothing,
    );
}

#[test]
fn no_stall_is_told_if_that_is_not_asked_for() {
    in_children(
        "no_stall_is_told_if_that_is_not_asked_for",
        |kind, procs| {
            let builders = [
                builder(procs).report_stalls(Duration::ZERO),
                builder(procs).report_stalls(Duration::MAX),
                builder(procs).deadlock(Deadlock::Ignore),
            ];
            for builder in builders {
                sent_late(kind, builder, LONGER, |rx| assert_eq!(rx.recv(), Ok(7)));
            }
        },
        says_nothing,
    );
}

/// Waits in its destructor, until one has sent.
struct Waits(Receiver<u8>, Arc<AtomicBool>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
        self.0.recv().unwrap();
    }
}

/// A goroutine waits while it unwinds, for another one or for a thread that sends late. Returns false if the two should
/// have one thread and have not.
fn waits_while_unwinding(same_thread: bool) -> bool {
    let (waits, place) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI32::new(0)));
    let (tx, rx) = channel(2);
    let is_over = Arc::new(AtomicBool::new(false));
    let late = {
        let (tx, is_over) = (tx.clone(), is_over.clone());
        std::thread::spawn(move || {
            let start = Instant::now();
            while start.elapsed() < UNTIL_TOLD && !is_over.load(Ordering::SeqCst) {
                std::thread::sleep(LONG);
            }
            let _ = tx.send(7);
        })
    };
    let (may_send, here) = (waits.clone(), place.clone());
    let sender = go_named("sender", move || {
        here.store(tid(), Ordering::SeqCst);
        while !may_send.load(Ordering::SeqCst) {
            yield_now();
        }
        let _ = tx.send(1);
    });
    let unwinding = go_named("unwinding", move || {
        while place.load(Ordering::SeqCst) == 0 {
            yield_now();
        }
        if same_thread && place.load(Ordering::SeqCst) != tid() {
            waits.store(true, Ordering::SeqCst);
            return;
        }
        let _waits = Waits(rx, waits);
        quiet_panic("unwinds");
    });
    let unwound = unwinding.join().is_err();
    sender.join().unwrap();
    is_over.store(true, Ordering::SeqCst);
    late.join().unwrap();
    unwound
}

#[test]
fn a_wait_while_unwinding_beside_ready_goroutines_of_its_thread_is_told_once() {
    in_children(
        "a_wait_while_unwinding_beside_ready_goroutines_of_its_thread_is_told_once",
        |kind, procs| {
            kind.build(builder(procs))
                .run(|| while !waits_while_unwinding(kind.is_pinned()) {})
                .unwrap();
        },
        |kind, procs, out, said| {
            succeeds(kind, procs, out, said);
            let told = said.lines().filter(|line| line.starts_with(UNWINDING)).count();
            assert_eq!(told, usize::from(kind.is_pinned()), "{kind:?}, {procs} procs: {said}");
            if kind.is_pinned() {
                assert!(said.contains("(unwinding), waits for "), "{said}");
                assert!(said.contains("(sender), runnable, started at "), "{said}");
            }
        },
    );
}
