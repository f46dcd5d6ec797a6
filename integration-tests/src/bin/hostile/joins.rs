//! Goroutines of one runtime joined from another, while it runs and when it has ended.
#![forbid(unsafe_code)]

use g0_sched::{JoinHandle, Runtime, WaitGroup, channel, go, park, sleep};
use std::sync::Arc;

use crate::setup::{Kind, Setup, is_of, ms, thread};

type Handle = JoinHandle<Vec<usize>>;

/// The first ten end, in a while; the second ten never do by themselves.
const HALF: usize = 10;

/// Starts them, hands their handles out, and returns when the first half has ended.
fn far(handles: g0_sched::Sender<Handle>) {
    let ends = Arc::new(WaitGroup::new());
    ends.add(HALF);
    for n in 0..2 * HALF {
        let ends = ends.clone();
        let handle = go(move || {
            if n >= HALF {
                loop {
                    park();
                }
            }
            sleep(ms(n as u64));
            ends.done();
            vec![n; 100]
        });
        assert!(handles.send(handle).is_ok(), "they are taken");
    }
    ends.wait();
}

/// Joins one, and says whether it came to its end; goes on where it was.
fn joins(kind: Kind, handle: Handle) -> bool {
    let before = thread();
    assert!(is_of("near"));
    let result = handle.join();
    assert!(is_of("near"), "on a thread of the other runtime");
    sleep(ms(1));
    assert!(is_of("near"), "on a thread of the other runtime, after a wait");
    assert!(kind == Kind::Migrating || thread() == before, "on another thread");
    result.is_ok_and(|words| words.len() == 100)
}

fn with(setup: Setup, other: Kind) {
    let (tx, rx) = channel::<Handle>(0);
    let there = std::thread::spawn(move || {
        let setup = Setup { kind: other, ..setup };
        setup.run_on(Runtime::builder().name("far"), move || far(tx));
    });
    setup.run_on(Runtime::builder().name("near"), move || {
        let mut late = Vec::new();
        let mut now = Vec::new();
        for (n, handle) in rx.iter().enumerate() {
            match n % 3 {
                0 => late.push(handle),
                _ => now.push(go(move || joins(setup.kind, handle))),
            }
        }
        let mut ended = now.into_iter().filter(|_| true).map(|one| one.join().expect("it joins"));
        let during = ended.by_ref().filter(|came| *came).count();
        there.join().expect("the far runtime ends");
        let late: Vec<_> =
            late.into_iter().map(|handle| go(move || joins(setup.kind, handle))).collect();
        let after =
            late.into_iter().map(|one| one.join().expect("it joins")).filter(|came| *came).count();
        assert_eq!(during + after, HALF, "with {other:?}: results");
    });
}

/// With a runtime of each kind.
pub fn across(setup: Setup) -> String {
    Kind::ALL.into_iter().for_each(|other| with(setup, other));
    "each joiner went on in its own runtime, with the result or the end of the other's".to_owned()
}
