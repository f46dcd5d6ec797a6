//! Numbers that cannot be had: of procs, of stacks, of bytes.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::child::{in_children, status_bytes, succeeds};
use common::{Threads, on_each_kind};
use g0_sched::{Error, MAX_PROCS, RunError, Runtime, channel, go, try_go, yield_now};
use g0_stack::StackError;

#[test]
fn procs_are_at_least_one_and_not_beyond_the_limit() {
    for procs in [0, MAX_PROCS + 1, usize::MAX] {
        for threads in Threads::ALL {
            let refused = threads.try_build(Runtime::builder().procs(procs)).unwrap_err();
            assert_eq!(refused, Error::Procs);
            assert!(refused.to_string().contains("between 1 and 1024"), "{refused}");
        }
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

/// How much address space this process may have; `None`: as much as there is.
fn limit_memory(bytes: Option<usize>) {
    let most = libc::RLIM_INFINITY;
    let bytes = bytes.map_or(most, |bytes| bytes as libc::rlim_t);
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: most };
    // SAFETY: the structure is there.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

#[test]
fn a_kernel_that_refuses_memory_is_an_error_and_nothing_is_lost() {
    in_children(
        "a_kernel_that_refuses_memory_is_an_error_and_nothing_is_lost",
        |kind, procs| {
            kind.with_procs(procs)
                .run(|| {
                    let (tx, rx) = channel::<usize>(0);
                    // The threads and what the test itself needs are there before it gets short.
                    (0..50).for_each(|_| drop(go(yield_now).join()));
                    let mut waiting = Vec::with_capacity(10_000);
                    limit_memory(Some(status_bytes("VmSize") + (192 << 20)));
                    let error = loop {
                        let tx = tx.clone();
                        match try_go(move || tx.send(1).unwrap()) {
                            Ok(handle) => waiting.push(handle),
                            Err(error) => break error,
                        }
                        if waiting.len() == waiting.capacity() {
                            break Error::NoRuntime;
                        }
                    };
                    limit_memory(None);
                    assert_eq!(error, Error::Stack(StackError::OutOfMemory));
                    assert!(
                        error.to_string().contains("no stack for another goroutine"),
                        "{error}"
                    );
                    let n = waiting.len();
                    assert_eq!((0..n).map(|_| rx.recv().unwrap()).sum::<usize>(), n);
                    waiting.into_iter().for_each(|h| h.join().unwrap());
                    // When there is memory again, there are stacks again.
                    let more: Vec<_> = (0..n + 2000).map(|i| go(move || i)).collect();
                    let sum: usize = more.into_iter().map(|h| h.join().unwrap()).sum();
                    assert_eq!(sum, (n + 2000) * (n + 1999) / 2);
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
            limit_memory(Some(status_bytes("VmSize") + (64 << 20)));
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
                assert_eq!(refused.err(), Some(Error::ClosureTooLarge));
                assert!(Error::ClosureTooLarge.to_string().contains("box what it captures"));
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
            assert!(said.contains("bad_sizes.rs"), "{what}");
            assert!(said.contains("has filled its stack of 6"), "{what}");
        },
    );
}
