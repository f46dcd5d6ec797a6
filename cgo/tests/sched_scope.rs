//! Scopes beside C: one on the system stack could not wait for its goroutines, and is refused.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{on_every_runtime, panic_text, quiet_panic};
use g0_cgo::{call, call_blocking, callback};
use g0_sched::{go, scope, sleep, yield_now};

#[test]
fn on_the_system_stack_a_scope_is_refused_before_its_body_runs() {
    fn refused() -> String {
        let ran = Cell::new(false);
        let said = panic_text(|| {
            scope(|s| {
                ran.set(true);
                callback((), || drop(s.go(|| sleep(Duration::from_millis(20)))));
            })
        });
        assert!(!ran.get(), "it cannot be waited for what the body starts");
        said
    }
    on_every_runtime(2, || {
        for said in [call(refused), call_blocking(refused)] {
            assert!(said.contains("a runtime call on the system stack"), "{said}");
        }
        // And all goes on as before.
        assert_eq!(go(|| call(|| 5)).join().unwrap(), 5);
    });
}

#[test]
fn in_a_callback_a_scope_waits_whatever_its_body_does() {
    on_every_runtime(2, || {
        let done = AtomicUsize::new(0);
        let body = |end: fn()| {
            scope(|s| {
                for _ in 0..4 {
                    s.go(|| {
                        sleep(Duration::from_millis(2));
                        yield_now();
                        done.fetch_add(1, Ordering::Relaxed);
                    });
                }
                yield_now();
                end();
            });
        };
        call(|| callback((), || body(|| ())));
        assert_eq!(done.load(Ordering::Relaxed), 4);
        let said =
            call(|| callback(String::new(), || panic_text(|| body(|| quiet_panic("the body")))));
        assert_eq!((said.as_str(), done.load(Ordering::Relaxed)), ("the body", 8));
    });
}
