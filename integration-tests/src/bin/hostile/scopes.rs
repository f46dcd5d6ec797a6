//! Scopes that cannot wait for their goroutines, or whose bodies do not return.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use g0_cgo::{call, callback};
use g0_sched::{go, goexit, scope, sleep, yield_now};

use crate::setup::{Bad, Setup, caught, ms, quiet, text};

/// On the system stack nothing can wait: what a callback there would start must not borrow from a scope.
pub fn on_the_system_stack(setup: Setup) -> String {
    const TIMES: usize = 20;
    let started = Arc::new(AtomicUsize::new(0));
    let theirs = started.clone();
    let refused = setup.run(move || {
        let opened = || {
            let lent = vec![7_u64; 64];
            let said = caught(|| {
                scope(|s| {
                    callback((), || {
                        s.go(|| {
                            theirs.fetch_add(1, Ordering::SeqCst);
                            sleep(ms(2));
                            assert!(lent.iter().all(|word| *word == 7), "what was lent is gone");
                        });
                    });
                });
            });
            drop(lent);
            usize::from(said.is_some_and(|said| said.contains("system stack")))
        };
        // Directly; and below a scope that waits, in a callback of it.
        let direct: usize = (0..TIMES).map(|_| call(opened)).sum();
        let below =
            || call(|| callback(0, || scope(|s| s.go(|| call(opened)).join().unwrap_or(0))));
        let below: usize = (0..TIMES).map(|_| below()).sum();
        sleep(ms(20));
        direct + below
    });
    assert_eq!((refused, started.load(Ordering::SeqCst)), (2 * TIMES, 0), "refused, started");
    format!("{refused} scopes were refused, and nothing started in them")
}

/// How a body does not return.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    ByPanic,
    ByGoexit,
    /// A local of its own panics when it is dropped.
    ByDestructor,
    /// Something that it captures does.
    ByCapture,
    /// It returns, and its handles are forgotten.
    Forgetting,
}

impl Leaves {
    /// What the panic says that goes on.
    fn says(self) -> Option<&'static str> {
        match self {
            Leaves::ByPanic => Some("the body"),
            Leaves::ByGoexit => Some("not text"),
            Leaves::ByDestructor => Some("of a local"),
            Leaves::ByCapture => Some("of a capture"),
            Leaves::Forgetting => None,
        }
    }
}

/// Lends `words` to four goroutines of a scope, all of which are at work when its body leaves.
fn leave(how: Leaves, words: &mut [u64], ended: &AtomicUsize) {
    let captured = matches!(how, Leaves::ByCapture).then(|| Bad("of a capture"));
    scope(move |s| {
        let _captured = captured;
        let _local = matches!(how, Leaves::ByDestructor).then(|| Bad("of a local"));
        for part in words.chunks_mut(64) {
            std::mem::forget(s.go(move || {
                for word in part {
                    *word += 1;
                    yield_now();
                }
                sleep(ms(2));
                ended.fetch_add(1, Ordering::SeqCst);
            }));
        }
        yield_now();
        match how {
            Leaves::ByPanic => quiet("the body"),
            Leaves::ByGoexit => goexit(),
            Leaves::ByDestructor | Leaves::ByCapture | Leaves::Forgetting => {}
        }
    });
}

/// Whatever becomes of the body, its goroutines end before what they borrow.
pub fn left_by_its_body(setup: Setup) -> String {
    use Leaves::{ByCapture, ByDestructor, ByGoexit, ByPanic, Forgetting};
    setup.run(|| {
        for how in [ByPanic, ByGoexit, ByDestructor, ByCapture, Forgetting].repeat(3) {
            let ended = Arc::new(AtomicUsize::new(0));
            let theirs = ended.clone();
            let result = go(move || {
                let mut lent = vec![0_u64; 256];
                leave(how, &mut lent, &theirs);
            });
            let said = result.join().err().map(|payload| text(&*payload));
            assert_eq!(said.as_deref(), how.says(), "{how:?}");
            assert_eq!(ended.load(Ordering::SeqCst), 4, "{how:?}: goroutines that have ended");
        }
    });
    "four goroutines of each scope ended before what they had borrowed".to_owned()
}
