//! What cannot be done is refused, by the error or panic that the documentation names.

mod common;

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::child::{in_children, status_bytes, succeeds};
use common::{on_each_kind, on_every_runtime, panic_text, yield_until};
use g0_sched::{
    CloseError, Error, MAX_PROCS, RecvError, RunError, Runtime, SendError, TryRecvError,
    TrySendError, WaitGroup, channel, generic, go, goexit, park, scope, try_go, yield_now,
};
use g0_stack::StackError;

#[test]
fn procs_are_at_least_one_and_not_beyond_the_limit() {
    for procs in [0, MAX_PROCS + 1, usize::MAX] {
        let refused = Runtime::builder().procs(procs).build().unwrap_err();
        assert_eq!(refused, Error::Procs);
        assert!(refused.to_string().contains("between 1 and 1024"), "{refused}");
        // SAFETY: nothing is built.
        assert_eq!(
            unsafe { Runtime::builder().procs(procs).build_migrating() }.err(),
            Some(Error::Procs)
        );
    }
    on_each_kind(|kind, _| {
        assert_eq!(kind.with_procs(MAX_PROCS).run(|| go(|| 5).join().unwrap()).unwrap(), 5);
    });
}

#[test]
fn stack_sizes_are_possible_ones() {
    let refused = |bytes| Runtime::builder().stack_size(bytes).build().unwrap_err();
    assert_eq!(refused(0), Error::StackSize(StackError::ZeroSize));
    for bytes in [usize::MAX, usize::MAX / 2 + 1, 1 << 47] {
        assert!(
            matches!(refused(bytes), Error::StackSize(StackError::TooLarge { asked, .. }) if asked == bytes)
        );
    }
    assert!(refused(0).to_string().contains("at least one byte"), "{}", refused(0));
    on_each_kind(|kind, procs| {
        let odd = Runtime::builder().procs(procs).stack_size(100_001);
        assert_eq!(kind.build(odd).run(|| go(|| 7).join().unwrap()).unwrap(), 7);
    });
}

#[test]
fn a_kernel_that_refuses_memory_is_an_error_and_nothing_is_lost() {
    in_children(
        "a_kernel_that_refuses_memory_is_an_error_and_nothing_is_lost",
        |kind, procs| {
            kind.with_procs(procs)
                .run(|| {
                    let (tx, rx) = channel::<usize>(0);
                    // Threads that may be needed are there before memory gets short.
                    (0..50).for_each(|_| drop(go(yield_now).join()));
                    let limit = (status_bytes("VmSize") + (192 << 20)) as libc::rlim_t;
                    let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
                    // SAFETY: the structure is there.
                    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
                    let mut waiting = Vec::new();
                    let error = loop {
                        let tx = tx.clone();
                        match try_go(move || tx.send(1).unwrap()) {
                            Ok(handle) => waiting.push(handle),
                            Err(error) => break error,
                        }
                        assert!(waiting.len() < 100_000, "no end of memory");
                    };
                    assert_eq!(error, Error::Stack(StackError::OutOfMemory));
                    assert!(!error.source().is_some_and(|_| true), "one error, no chain");
                    assert!(panic_text(|| go(|| ())).contains("no stack for another goroutine"));
                    let n = waiting.len();
                    assert_eq!((0..n).map(|_| rx.recv().unwrap()).sum::<usize>(), n);
                    waiting.into_iter().for_each(|h| h.join().unwrap());
                    // What has ended makes room again.
                    for _ in 0..n.min(100) {
                        go(|| ()).join().unwrap();
                    }
                })
                .unwrap();
        },
        succeeds,
    );
}

#[test]
fn a_run_without_memory_for_its_main_does_not_begin() {
    in_children(
        "a_run_without_memory_for_its_main_does_not_begin",
        |kind, procs| {
            let builder = Runtime::builder().procs(procs).stack_size(1 << 30);
            let runtime = kind.build(builder);
            let limit = (status_bytes("VmSize") + (64 << 20)) as libc::rlim_t;
            let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
            // SAFETY: the structure is there.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
            match runtime.run(|| unreachable!("it begins")) {
                Err(RunError::NotStarted(Error::Stack(StackError::OutOfMemory))) => {}
                Ok(()) => panic!("it ran"),
                Err(other) => panic!("{other:?}"),
            }
        },
        succeeds,
    );
}

#[test]
fn a_runtime_inside_a_runtime_is_refused() {
    on_each_kind(|kind, procs| {
        kind.with_procs(procs)
            .run(move || {
                let inner = kind.with_procs(1).run(|| 1);
                assert!(matches!(inner, Err(RunError::NotStarted(Error::Nested))), "{inner:?}");
                // On a thread of its own it may run.
                let inner = std::thread::spawn(move || kind.with_procs(1).run(|| 2).unwrap());
                assert_eq!(inner.join().unwrap(), 2);
                // And the outer one is as it was.
                assert_eq!(go(|| 3).join().unwrap(), 3);
            })
            .unwrap();
    });
}

#[test]
fn outside_a_runtime_nothing_starts_and_nothing_parks() {
    assert_eq!(try_go(|| ()).err(), Some(Error::NoRuntime));
    assert!(panic_text(|| go(|| ())).contains("belongs to no runtime"));
    assert!(panic_text(|| scope(|s| drop(s.go(|| ())))).contains("belongs to no runtime"));
    assert!(panic_text(park).contains("park on a thread that runs no goroutine"));
    assert!(panic_text(|| goexit()).contains("goexit on a thread that runs no goroutine"));
    // This one is a hint and may be given anywhere.
    yield_now();
    // After a run it is as before.
    assert_eq!(Runtime::builder().build().unwrap().run(|| 4).unwrap(), 4);
    assert_eq!(try_go(|| ()).err(), Some(Error::NoRuntime));
}

#[test]
fn joining_oneself_panics() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<generic::JoinHandle<u32, g0_sched::Hosted>>(1);
        let (said, hear) = channel::<String>(1);
        let handle = go(move || {
            let myself = rx.recv().unwrap();
            let text = panic_text(|| drop(myself.join()));
            said.send(text).unwrap();
            1
        });
        tx.send(handle).ok().unwrap();
        let text = hear.recv().unwrap();
        assert!(text.contains("a goroutine joins itself"), "{text}");
    });
}

#[test]
fn closed_channels_say_so() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(1);
        assert_eq!(tx.close(), Ok(()));
        assert_eq!(tx.close(), Err(CloseError));
        assert_eq!(rx.close(), Err(CloseError));
        assert!(tx.send(1) == Err(SendError(1)));
        assert!(tx.try_send(2) == Err(TrySendError::Closed(2)));
        assert_eq!(rx.recv(), Err(RecvError));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(SendError(1).to_string(), "sending on a closed channel");
        assert_eq!(CloseError.to_string(), "closing a closed channel");
    });
}

#[test]
fn a_wait_group_is_done_no_more_often_than_added_to() {
    on_every_runtime(2, || {
        let group = WaitGroup::new();
        assert!(panic_text(|| group.done()).contains("done more often than added to"));
        group.add(usize::MAX);
        assert!(panic_text(|| group.add(1)).contains("overflows"));
        let group = WaitGroup::new();
        group.add(1);
        group.done();
        group.wait();
    });
}

#[test]
fn what_would_fill_a_quarter_of_the_stack_is_refused() {
    const STACK: usize = 256 << 10;
    on_each_kind(|kind, procs| {
        let ran = Arc::new(AtomicUsize::new(0));
        kind.build(Runtime::builder().procs(procs).stack_size(STACK))
            .run(|| {
                let theirs = ran.clone();
                let refused = try_go(move || {
                    theirs.fetch_add(1, Ordering::SeqCst);
                    [0u8; STACK / 4 + 1]
                });
                assert_eq!(refused.err(), Some(Error::Closure));
                assert!(Error::Closure.to_string().contains("box what it captures"));
                assert_eq!(Arc::strong_count(&ran), 1, "the closure was dropped");
                // Half of that is no trouble.
                let value = go(|| Box::new([1u8; STACK / 4 + 1])).join().unwrap();
                assert_eq!(value.len(), STACK / 4 + 1);
            })
            .unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_stack_that_overflows_is_named_in_the_last_message() {
    use std::os::unix::process::ExitStatusExt;
    fn deep(n: u64) -> u64 {
        let frame = std::hint::black_box([n; 64]);
        if n == 0 { 0 } else { deep(n - 1) + frame[(n % 64) as usize] }
    }
    in_children(
        "a_stack_that_overflows_is_named_in_the_last_message",
        |kind, procs| {
            let runtime = kind.build(Runtime::builder().procs(procs).stack_size(64 << 10));
            let _ = runtime.run(|| {
                drop(g0_sched::go_named("deep", || deep(u64::MAX)).join());
            });
        },
        |kind, procs, out, said| {
            let what = format!("{kind:?} with {procs} procs: {:?}: {said}", out.status);
            assert!(out.status.signal().is_some(), "{what}");
            assert!(said.contains("stack overflow: goroutine"), "{what}");
            assert!(said.contains(" deep, started at "), "{what}");
            assert!(said.contains("bad_input.rs"), "{what}");
            assert!(said.contains("has filled its stack of 6"), "{what}");
        },
    );
}

#[test]
fn fair_warning_is_given_in_words() {
    let errors = [
        (Error::Nested, "a runtime inside a runtime"),
        (Error::NoRuntime, "inside Runtime::run"),
        (Error::ShutDown, "main function has returned"),
        (Error::Thread, "no thread"),
        (Error::Fences, "Fences::Auto"),
    ];
    for (error, words) in errors {
        assert!(error.to_string().contains(words), "{error}");
    }
    let nested = RunError::NotStarted(Error::Nested);
    assert!(nested.to_string().contains("inside a runtime"), "{nested}");
    on_every_runtime(1, || yield_until("at once", || true));
}
