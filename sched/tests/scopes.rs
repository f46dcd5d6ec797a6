//! Scopes whose bodies do not return: the goroutines end first, and run on the body's thread meanwhile.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{on_every_runtime, panic_text, quiet_panic, text};
use g0_sched::{Hosted, channel, generic, go, goexit, scope, sleep, yield_now};

type Scope<'scope, 'env> = generic::Scope<'scope, 'env, Hosted>;

const MANY: usize = 6;

/// Goroutines that have begun, on the thread of the body if that is where they are bound to, and take a while.
fn begin<'scope>(s: &'scope Scope<'scope, '_>, done: &'scope AtomicUsize) {
    let (tx, rx) = channel::<()>(MANY);
    for _ in 0..MANY {
        let tx = tx.clone();
        s.go(move || {
            tx.send(()).expect("there is room");
            sleep(Duration::from_millis(5));
            yield_now();
            assert!(!std::thread::panicking(), "the scope's panic is caught");
            done.fetch_add(1, Ordering::Relaxed);
        });
    }
    (0..MANY).for_each(|_| rx.recv().expect("it begins"));
}

/// Panics when it is dropped.
struct Bad(&'static str);

impl Drop for Bad {
    fn drop(&mut self) {
        quiet_panic(self.0)
    }
}

#[test]
fn a_panic_goes_on_when_the_goroutines_have_ended() {
    on_every_runtime(2, || {
        let done = AtomicUsize::new(0);
        let said = panic_text(|| {
            scope(|s| {
                begin(s, &done);
                quiet_panic("the body")
            })
        });
        assert_eq!((said.as_str(), done.into_inner()), ("the body", MANY));
    });
}

#[test]
fn the_bodys_panic_goes_before_that_of_a_goroutine() {
    on_every_runtime(2, || {
        let said = panic_text(|| {
            scope(|s| {
                s.go(|| quiet_panic("a goroutine"));
                yield_now();
                quiet_panic("the body")
            })
        });
        assert_eq!(said, "the body");
    });
}

#[test]
fn a_goexit_goes_on_when_the_goroutines_have_ended() {
    on_every_runtime(2, || {
        let done = std::sync::Arc::new(AtomicUsize::new(0));
        let theirs = done.clone();
        let leaving = go(move || {
            scope(|outer| {
                begin(outer, &theirs);
                scope(|inner| {
                    begin(inner, &theirs);
                    goexit()
                })
            })
        });
        let payload = leaving.join().map(|()| "it returned").unwrap_err();
        assert!(g0_defer::is_goexit(&payload));
        assert_eq!(done.load(Ordering::Relaxed), 2 * MANY);
    });
}

#[test]
fn the_end_of_the_run_ends_the_goroutines_first() {
    struct Ends<'a>(&'a AtomicUsize);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            yield_now();
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    on_every_runtime(2, || {
        let (tx, rx) = channel::<()>(MANY);
        drop(go(move || {
            let ends = AtomicUsize::new(0);
            struct Check<'a>(&'a AtomicUsize);
            impl Drop for Check<'_> {
                fn drop(&mut self) {
                    assert_eq!(self.0.load(Ordering::Relaxed), MANY, "all have ended before");
                }
            }
            let _check = Check(&ends);
            scope(|s| {
                for _ in 0..MANY {
                    let (tx, ends) = (tx.clone(), &ends);
                    s.go(move || {
                        let _ends = Ends(ends);
                        tx.send(()).expect("there is room");
                        sleep(Duration::from_secs(1000));
                    });
                }
                sleep(Duration::from_secs(1000));
            });
        }));
        (0..MANY).for_each(|_| rx.recv().expect("it begins"));
    });
}

#[test]
fn a_panic_in_a_destructor_leaves_no_goroutine_behind() {
    on_every_runtime(2, || {
        let done = AtomicUsize::new(0);
        let of_the_body = panic_text(|| {
            scope(|s| {
                let _bad = Bad("of the body");
                begin(s, &done);
            })
        });
        let captured = Bad("captured");
        let of_a_capture = panic_text(|| {
            scope(|s| {
                let _captured = captured;
                begin(s, &done);
            })
        });
        let handle = panic_text(|| {
            scope(|s| {
                begin(s, &done);
                let handle = s.go(|| Bad("of a result"));
                while !handle.is_finished() {
                    yield_now();
                }
                drop(handle);
            })
        });
        assert_eq!([of_the_body, of_a_capture, handle], ["of the body", "captured", "of a result"]);
        assert_eq!(done.into_inner(), 3 * MANY);
    });
}

#[test]
fn a_destructor_that_unwinding_runs_may_have_a_scope() {
    struct Scoped<'a>(&'a AtomicUsize);
    impl Drop for Scoped<'_> {
        fn drop(&mut self) {
            let said = panic_text(|| {
                scope(|s| {
                    for _ in 0..MANY {
                        s.go(|| {
                            yield_now();
                            self.0.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                    quiet_panic("the body")
                })
            });
            assert_eq!(said, "the body");
        }
    }
    on_every_runtime(2, || {
        let done = AtomicUsize::new(0);
        let said = panic_text(|| {
            let _scoped = Scoped(&done);
            quiet_panic("outside")
        });
        assert_eq!((said.as_str(), done.into_inner()), ("outside", MANY));
    });
}

#[test]
fn on_a_thread_that_is_no_m_a_panic_goes_on_at_once() {
    let said = panic_text(|| scope(|_| quiet_panic("the body")));
    assert_eq!(said, "the body");
    // Also beside a runtime, whose goroutines the thread has no part in.
    on_every_runtime(2, || {
        let thread = std::thread::spawn(|| scope(|_| quiet_panic("the body")));
        assert_eq!(text(&*thread.join().map(|()| "it returned").unwrap_err()), "the body");
    });
}
