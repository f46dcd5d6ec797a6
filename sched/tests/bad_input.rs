//! What cannot be done is refused, by the error or panic that the documentation names.

mod common;

use std::time::Duration;

use common::child::in_children;
use common::{Threads, on_each_kind, on_every_runtime, panic_text, yield_until};
use g0_sched::{
    Builder, CloseError, Error, Hosted, Mutex, RecvError, RunError, Runtime, SendError,
    TryRecvError, TrySendError, WaitGroup, bridge, channel, generic, go, goexit, park, scope,
    sleep, try_go, yield_now,
};

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
        assert!(tx.try_send(2) == Err(TrySendError::Disconnected(2)));
        assert_eq!(rx.recv(), Err(RecvError));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
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
fn fair_warning_is_given_in_words() {
    let errors = [
        (Error::Nested, "a runtime inside a runtime"),
        (Error::NoRuntime, "inside Runtime::run"),
        (Error::ShutDown, "main function has returned"),
        (Error::ThreadSpawn, "no thread"),
        (Error::MembarrierUnavailable, "Fences::Auto"),
        (Error::ThreadName, "NUL byte"),
    ];
    for (error, words) in errors {
        assert!(error.to_string().contains(words), "{error}");
    }
    let nested = RunError::NotStarted(Error::Nested);
    assert!(nested.to_string().contains("inside a runtime"), "{nested}");
    on_every_runtime(1, || yield_until("at once", || true));
}

#[test]
fn a_name_that_no_thread_can_have_is_refused_by_the_build() {
    for name in ["a\0b", "\0", "harbour\0"] {
        for threads in Threads::ALL {
            let built = threads.try_build(Runtime::builder().name(name));
            assert_eq!(built.err(), Some(Error::ThreadName), "{name:?}");
        }
    }
    // Longer than the system shows, or none at all: those run.
    for name in ["", "the threads of a runtime with a very long name", "größe"] {
        let runtime = Runtime::builder().name(name).build().expect(name);
        assert_eq!(runtime.run(|| go(|| 5).join().unwrap()).unwrap(), 5);
    }
}

#[test]
fn l8_an_internal_unlock_without_a_lock_is_fatal() {
    use std::os::unix::process::ExitStatusExt;
    in_children(
        "l8_an_internal_unlock_without_a_lock_is_fatal",
        |kind, procs| {
            let _ = kind.with_procs(procs).run(|| {
                let bridge::CallerContext::Goroutine(handle) = bridge::here::<Hosted>() else {
                    panic!("main is a goroutine")
                };
                // SAFETY: broken on purpose: no `begin` was called, which is found out first.
                unsafe { handle.end::<Hosted>(0) };
                unreachable!("it goes on");
            });
        },
        |kind, procs, out, said| {
            let what = format!("{kind:?} with {procs} procs: {:?}: {said}", out.status);
            assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{what}");
            assert!(said.contains("internal unlock of an OS thread that is not locked"), "{what}");
        },
    );
}

/// A wait of each sort, beside a loop; all of it comes to its end.
fn some_of_everything() {
    let (tx, rx) = channel::<u32>(0);
    let sum = std::sync::Arc::new(Mutex::new(0));
    let all: Vec<_> = (0..4)
        .map(|i| {
            let (tx, sum) = (tx.clone(), sum.clone());
            go(move || {
                for _ in 0..50 {
                    *sum.lock().unwrap() += i;
                    yield_now();
                }
                sleep(Duration::from_micros(100));
                tx.send(i).unwrap();
            })
        })
        .collect();
    drop(tx);
    assert_eq!(rx.iter().sum::<u32>(), 6);
    all.into_iter().for_each(|one| one.join().unwrap());
    assert_eq!(*sum.lock().unwrap(), 300);
}

#[test]
fn lengths_and_limits_may_be_zero_or_without_end() {
    const ENDS: [Duration; 3] = [Duration::ZERO, Duration::from_nanos(1), Duration::MAX];
    let settings: [fn(Builder, Duration) -> Builder; 5] = [
        Builder::slice,
        Builder::grace,
        Builder::thread_keep_alive,
        Builder::report_stalls,
        |builder, most| match most {
            Duration::MAX => builder.max_threads(usize::MAX).max_offload_threads(usize::MAX),
            _ => builder.max_evicted(0),
        },
    ];
    on_each_kind(move |kind, procs| {
        for setting in settings {
            for length in ENDS {
                let runtime = kind.build(setting(Runtime::builder().procs(procs), length));
                runtime.run(some_of_everything).expect("main returns");
            }
        }
        let all = |length| settings.iter().fold(Runtime::builder(), |b, set| set(b, length));
        for length in ENDS {
            let ended = kind.build(all(length).procs(procs)).run(some_of_everything);
            ended.expect("main returns");
        }
    });
}
