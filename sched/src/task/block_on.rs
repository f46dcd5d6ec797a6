//! Running a future to its end.

use core::future::{Future, IntoFuture};
use core::pin::{Pin, pin};
use core::ptr::NonNull;
use core::task::{Context, Poll};

use crate::exec::enter::{caller, enter};
use crate::exec::inside::Caller;
use crate::exec::suspend::suspend_here;
use crate::exec::yields::yield_now;
use crate::objects::g::G;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;
use crate::wait::park_token;

/// Runs `future` to its end and returns its value. The goroutine polls it on its own stack and
/// parks between polls; any other thread blocks. What is ready at once never waits.
///
/// The future is dropped before this returns or unwinds: after its value, when a poll panics, and
/// when the end of the run cuts the goroutine's wait.
///
/// Its [`Waker`](core::task::Waker) may be used anywhere, in an interrupt handler too, and kept for
/// any length of time: after the goroutine's end, or the runtime's, it does nothing. It holds the
/// goroutine's stack until it is dropped. Its token is not that of [`park`](crate::generic::park):
/// neither takes the other's. A future may be polled once more than it was woken, for instance
/// after a `block_on` within its own poll.
///
/// On a goroutine nothing is allocated.
///
/// # Panics
///
/// When a poll does; on the system stack; on a thread that is no M without the feature `alloc`.
pub fn block_on<P: Platform, F: IntoFuture>(future: F) -> F::Output {
    match run::<P, _>(pin!(future.into_future()), None) {
        Some(value) => value,
        None => unreachable!("a deadline passed that there was not"),
    }
}

/// As [`block_on`], until `deadline` at most, nanoseconds; at least one poll.
pub(crate) fn run<P: Platform, F: Future>(
    future: Pin<&mut F>,
    deadline: Option<u64>,
) -> Option<F::Output> {
    suspend_here::<P>();
    match caller::<P>() {
        Some((_, g)) => on_goroutine::<P, _>(g, future, deadline),
        #[cfg(feature = "alloc")]
        None => super::thread::run::<P, _>(future, deadline),
        #[cfg(not(feature = "alloc"))]
        None => panic!(
            "g0: block_on on a thread that runs no goroutine: \
             call it in a goroutine, or switch the feature `alloc` on"
        ),
    }
}

fn on_goroutine<P: Platform, F: Future>(
    g: NonNull<G>,
    mut future: Pin<&mut F>,
    deadline: Option<u64>,
) -> Option<F::Output> {
    // SAFETY: the running goroutine's, which lives until this has returned.
    let waker = unsafe { super::waker::borrowed::<P>(g) };
    let mut context = Context::from_waker(&waker);
    let mut level = Level::enter(g);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        if deadline.is_some_and(|at| P::now() >= at) {
            return None;
        }
        level.waited = true;
        // SAFETY: the running goroutine's own.
        let wakes = unsafe { &g.as_ref().wakes };
        if wakes.take() {
            // Woken within the poll, by which futures say that other goroutines may go first.
            yield_now::<P>();
        } else if let Caller::Goroutine(inside) = enter::<P>() {
            inside.g().waits_for(WaitReason::Future, inside.core().coarse());
            match deadline {
                None => park_token::wait::<P>(inside, wakes),
                Some(at) => park_token::wait_until::<P>(inside, wakes, at),
            }
        }
    }
}

/// One `block_on` of a goroutine. One that runs within a poll of another shares the goroutine's
/// token with it: if it has waited, it may have taken a wake of the outer one, and gives it back.
struct Level {
    g: NonNull<G>,
    nested: bool,
    waited: bool,
}

impl Level {
    fn enter(g: NonNull<G>) -> Self {
        // SAFETY: the running goroutine's own field.
        let nested = unsafe { g.as_ref().polls.replace(true) };
        Self { g, nested, waited: false }
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        // SAFETY: the running goroutine is alive.
        let g = unsafe { self.g.as_ref() };
        if !self.nested {
            // SAFETY: the running goroutine's own field.
            unsafe { g.polls.set(false) };
        } else if self.waited {
            // No goroutine to wake: the token is the running one's.
            let _ = g.wakes.give();
        }
    }
}
