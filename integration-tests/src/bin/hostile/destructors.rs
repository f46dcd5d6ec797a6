//! Destructors that panic, at the end of a run and after it.
#![forbid(unsafe_code)]

use g0_sched::{Runtime, Uncaught, channel, go, park, sleep};

use crate::setup::{Bad, Setup, caught, ms, until};

/// Each panic comes out where the value was dropped, or ends the goroutine that dropped it; the runtime ends.
pub fn caught_somewhere(setup: Setup) -> String {
    let builder = || Runtime::builder().uncaught(Uncaught::Ends);
    // Results, dropped with their handle: by a goroutine, and on this thread.
    let (done, rx) = setup.run_on(builder(), || {
        let done = go(|| Bad("of a result"));
        until("its end", || done.is_finished());
        assert_eq!(caught(|| drop(done)).as_deref(), Some("of a result"));
        let done = go(|| Bad("of a result, later"));
        until("its end", || done.is_finished());
        let (tx, rx) = channel(2);
        assert!(tx.try_send(Bad("of a value")).is_ok());
        (done, rx)
    });
    assert_eq!(caught(|| drop(done)).as_deref(), Some("of a result, later"));
    assert_eq!(caught(|| drop(rx)).as_deref(), Some("of a value"));
    // A local, and what a closure captures, as their goroutines come to their end.
    setup.run_on(builder(), || {
        let local = go(|| drop(Bad("of a local")));
        assert!(local.join().is_err());
        let captured = Bad("of a capture");
        let capture = go(move || drop(captured));
        assert!(capture.join().is_err());
    });
    // Nothing of it has become the next runtime's.
    assert_eq!(setup.run(|| go(|| 5).join().ok()), Some(5));
    "each panic came out where the value was dropped".to_owned()
}

/// A result that no handle waits for.
pub fn of_a_detached_result(setup: Setup) -> String {
    setup.run(|| {
        let (tx, rx) = channel::<()>(0);
        drop(go(move || {
            let _ = rx.recv();
            Bad("of a detached one's result")
        }));
        drop(tx);
        // As long as it may take where the machine has other work.
        (0..200).for_each(|_| sleep(ms(50)));
    });
    "a panic in a destructor got lost".to_owned()
}

/// A goroutine that has not started when the run ends, whose closure panics as it is dropped. It ends by Goexit,
/// so that is a panic during cleanup.
pub fn of_a_closure(setup: Setup) -> String {
    let ended = setup.build(Runtime::builder()).run_counted(|| {
        for _ in 0..20 {
            let captured = Bad("of a closure");
            drop(go(move || std::mem::forget(captured)));
        }
    });
    let behind = ended.expect("main returns").left_behind;
    assert_eq!(behind, 0, "left behind");
    "all ended".to_owned()
}

/// The end of the run unwinds a goroutine, and a destructor panics on the way: as in any program of Rust.
pub fn while_unwinding(setup: Setup) -> String {
    setup.run(|| {
        let (up, is_up) = channel::<()>(0);
        drop(go(move || {
            let _bad = Bad("while unwinding");
            up.send(()).expect("main receives");
            loop {
                park();
            }
        }));
        is_up.recv().expect("it begins");
    });
    "a panic in a destructor got lost".to_owned()
}
