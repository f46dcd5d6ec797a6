//! Stacks that grow: what `g0_stack::grow` asks of a scheduler, and when segments change hands.
//!
//! ```text
//!                                the P's cache, the depot, the source (on g0, inside)
//!                                    ▲                     │
//!        park, end, trim: what is kept                     │ a call over the edge, none kept
//!                                    │                     ▼
//!   goroutine:  own stack ── kept ───┘         own stack ── segment, the present stack
//! ```
//!
//! A segment that a call has returned from is kept: it stays with the goroutine for the next one. When the goroutine
//! parks it goes to the P, so a million goroutines share the few that are in use at a time. One flag of the G,
//! `is_segmented`, says that there may be something to give: the park's slow test looks at it, and so does the end's.
//!
//! What is not of the usual class stays with the goroutine when it parks, for under the lock that a park may hold the
//! source must not be called.
//!
//! > **L14** No stack grows under a scheduler's lock or in foreign state.
//!
//! Growth may be asked for by a goroutine's own code alone, on its present stack, outside. Anything else is fatal. And
//! when a goroutine ends its own stack must be the present one, with no segment kept above: else that is fatal too.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use g0_arch::stack_pointer;
use g0_arch::sync::atomic::Ordering;
use g0_arch::tools::Fiber;
use g0_defer::Unwind;
use g0_stack::grow::{self, Here};
use g0_stack::{Class, Header, Stack, StackError, StackSource};

use super::acquire::acquire;
use super::current::current_m;
use super::g0::on_g0;
use super::measure;
use crate::objects::g::{G, scheduler_of};
use crate::objects::inside::{Stay, Within};
use crate::objects::m::M;
#[cfg(any(feature = "std", loom))]
use crate::objects::shared::Core;
use crate::platform::Platform;
use crate::platform::fatal::fatal;

/// The goroutines of platform `P`, as stacks that grow see them.
pub(crate) struct Goroutines<P>(PhantomData<fn() -> P>);

/// Returns the goroutine that runs on the calling thread, on a stack of its own.
#[inline(always)]
fn running<P: Platform>() -> Option<(&'static M, NonNull<G>)> {
    let m = current_m::<P>()?;
    Some((m, m.running()?))
}

/// Returns whether the calling thread runs nothing of a scheduler: it is no M, or that of a foreign thread between
/// callbacks. Such a thread has the stack that it has.
#[inline]
pub(crate) fn is_plain_thread<P: Platform>() -> bool {
    current_m::<P>().is_none_or(M::is_between_callbacks)
}

/// Returns whether the calling goroutine's scheduler has a source of segments.
pub(crate) fn have_a_source<P: Platform>() -> bool {
    // SAFETY: the running goroutine is alive.
    running::<P>().is_some_and(|(_, g)| unsafe { scheduler_of(g) }.segments.are_there())
}

// SAFETY: the present stack is the running goroutine's word, found anew each time; sources are the scheduler's own; a
// closure for g0 runs there once; the platform's unwinder catches.
unsafe impl<P: Platform> Here for Goroutines<P> {
    type Payload = <P::Unwind as Unwind>::Payload;
    type Source = Source<P>;

    /// Where something unwinds, that begins anew on the stack beneath each segment, in what is left there: 2 KiB were
    /// too little for it, 4 KiB enough (`tests/segments.rs` goes to the edge).
    const RESERVE: usize = match (P::UNWINDS, cfg!(debug_assertions)) {
        (true, false) => 4 << 10,
        (true, true) => 6 << 10,
        (false, false) => 512,
        (false, true) => 2 << 10,
    };

    /// Asked only where what is needed does not fit: so all of L14 is looked at here.
    #[inline]
    fn present() -> Option<NonNull<Header>> {
        if P::in_interrupt() {
            return None;
        }
        let (m, g) = running::<P>()?;
        // SAFETY: the running goroutine's present stack.
        let present = unsafe { &*g.as_ref().present.get() };
        let stack = present.bottom().addr()..present.top().addr();
        (stack.contains(&stack_pointer().addr()) && !m.claim.is_inside()).then(|| present.into())
    }

    #[inline(always)]
    unsafe fn set_present(stack: NonNull<Header>) {
        debug_assert!(running::<P>().is_some());
        // SAFETY: a goroutine runs on this thread, as the caller ensures; it is its own word.
        unsafe {
            let g = current_m::<P>().and_then(M::curg).unwrap_unchecked();
            g.as_ref().present.set(stack.as_ptr());
        }
    }

    /// 0 on a thread that runs no goroutine: all that it asks for runs where it is.
    #[inline(always)]
    fn bottom() -> usize {
        let Some(m) = current_m::<P>() else { return 0 };
        match m.running() {
            // SAFETY: the running goroutine's present stack.
            Some(g) if !P::in_interrupt() => unsafe { (*g.as_ref().present.get()).bottom().addr() },
            _ if is_plain_thread::<P>() => 0,
            _ => usize::MAX,
        }
    }

    fn source() -> Source<P> {
        Source(PhantomData)
    }

    fn nowhere() -> &'static str {
        where_it_is::<P>()
    }

    fn class() -> Class {
        // SAFETY: the running goroutine is alive.
        running::<P>()
            .map_or(Class::MIN, |(_, g)| unsafe { scheduler_of(g) }.segments.depot.class())
    }

    fn limit() -> usize {
        // SAFETY: as above.
        running::<P>().map_or(0, |(_, g)| unsafe { scheduler_of(g) }.segments.limit)
    }

    #[inline(always)]
    fn take_at_hand() -> Option<Stack> {
        // SAFETY: asked where a stack is present; the segments are the scheduler's, and the field the goroutine's own.
        unsafe {
            at_hand::<P, _, _>((), |within, ()| {
                let stack = within.core().segments.take_at_hand(&within.p().segments).ok_or(())?;
                within.running().ok_or(())?.as_ref().stacks.set_segmented(true);
                Ok(stack)
            })
            .ok()
        }
    }

    #[inline(always)]
    unsafe fn put_at_hand(stack: Stack) -> Result<(), Stack> {
        // SAFETY: asked where a stack is present; this one came from the goroutine's scheduler, as the caller ensures.
        unsafe {
            at_hand::<P, _, _>(stack, |within, stack| {
                within.core().segments.put_at_hand(&within.p().segments, stack)
            })
        }
    }

    /// Inlined: the stack that it leaves may have no room for one frame more.
    #[inline(always)]
    fn apart<R>(f: impl FnOnce() -> R) -> R {
        let Some((m, g)) = running::<P>().filter(|(m, _)| !m.claim.is_inside()) else {
            nothing_grows_here::<P>()
        };
        // It enters on g0: to get a P takes more room than the goroutine's stack may have.
        let inside = || {
            // SAFETY: this thread's M, outside until here: nothing else stands for the stay.
            let stay = unsafe {
                let is_owned = m.claim.enter(m.symmetric.get());
                let mut stay = Stay::assume(m);
                if !is_owned {
                    acquire::<P>(&mut stay, true);
                }
                stay
            };
            let result = f();
            if let Some(within) = stay.within_raised() {
                // SAFETY: within, on g0.
                unsafe { within.core().segments.release_surplus(&within.p().segments) };
            }
            stay.leave();
            result
        };
        // SAFETY: the goroutine's own field; on its stack.
        unsafe {
            g.as_ref().stacks.set_segmented(true);
            on_g0(m, inside)
        }
    }

    #[inline(always)]
    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload> {
        P::Unwind::catch(f)
    }

    fn resume(payload: Self::Payload) -> ! {
        P::Unwind::resume(payload)
    }

    #[cold]
    #[inline(never)]
    fn refused(error: StackError, need: usize) -> ! {
        panic!("{}", Refusal::<P>(error, need, PhantomData))
    }

    #[cold]
    #[inline(never)]
    fn fatal(what: fmt::Arguments<'_>) -> ! {
        let g = current_m::<P>().and_then(M::curg);
        match what.as_str() {
            _ if Self::present().is_none() => nothing_grows_here::<P>(),
            Some(what) => fatal::<P>(g, what),
            None => fatal::<P>(
                g,
                "a panic leaves a segment for a stack with too little room for an unwinder",
            ),
        }
    }

    fn fiber(own: NonNull<Header>) -> Option<NonNull<Fiber>> {
        // SAFETY: a task's own stack is a goroutine's, which lies beneath its header.
        Some(unsafe { NonNull::from(&(*own.as_ref().payload::<G>()).fiber) })
    }
}

/// Does `f` with what it is given, inside, on the goroutine's stack, if the M has its P still; else returns that. `f` must
/// be short, and must call nothing that needs much stack.
///
/// # Safety
///
/// The caller must be on a present stack.
#[inline(always)]
unsafe fn at_hand<P: Platform, T, R>(
    given: T,
    f: impl FnOnce(&Within, T) -> Result<R, T>,
) -> Result<R, T> {
    let Some(m) = current_m::<P>() else { return Err(given) };
    // SAFETY: this thread's M, outside, for a goroutine's own code runs. Nothing else stands for the stay, in which it
    // has a P if its claim says so.
    unsafe {
        let is_owned = m.claim.enter(m.symmetric.get());
        let stay = Stay::assume(m);
        let result = if is_owned { f(Within::assume(m), given) } else { Err(given) };
        stay.leave();
        result
    }
}

/// Returns where the calling code is, to end a sentence.
fn where_it_is<P: Platform>() -> &'static str {
    let m = current_m::<P>();
    if P::in_interrupt() {
        "in an interrupt handler"
    } else if m.is_some_and(|m| m.claim.is_inside()) {
        "under a scheduler's lock"
    } else if m.is_some_and(M::in_foreign_code) {
        "in foreign code"
    } else if m.is_some_and(|m| m.curg().is_none()) {
        "on the system stack"
    } else {
        "off its stack"
    }
}

/// Ends the program: growth was asked for where no stack may grow (L14).
#[cold]
#[inline(never)]
fn nothing_grows_here<P: Platform>() -> ! {
    if !P::in_interrupt() && is_plain_thread::<P>() {
        panic!("g0: grow::call for 0 bytes of stack: say how many are needed");
    }
    let reason = match where_it_is::<P>() {
        "in an interrupt handler" => {
            "a stack cannot grow in an interrupt handler (L14): it has what room the stack has that it interrupts"
        }
        "under a scheduler's lock" => "a stack cannot grow under a scheduler's lock (L14)",
        "in foreign code" => {
            "a stack cannot grow in foreign code (L14), which is on the system stack: call `grow::call` before the \
             foreign call, or in a callback"
        }
        "on the system stack" => {
            "the system stack cannot grow (L14): call `grow::call` in a goroutine"
        }
        _ => {
            "a stack cannot grow in code that runs on another one (L14): in a signal handler, or on a stack that the \
             program has switched to"
        }
    };
    fatal::<P>(current_m::<P>().and_then(M::curg), reason)
}

/// The message of a call that is refused a segment.
struct Refusal<P>(StackError, usize, PhantomData<fn() -> P>);

impl<P: Platform> fmt::Display for Refusal<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error, need, _) = self;
        let Some((_, g)) = running::<P>() else { return error.fmt(f) };
        // SAFETY: the running goroutine is alive, and its label its own.
        let (id, name, site, core) = unsafe {
            let ident = &g.as_ref().ident;
            (ident.id(), ident.name(), ident.site(), scheduler_of(g))
        };
        let space = if name.is_empty() { "" } else { " " };
        let overflow = matches!(error, StackError::SegmentLimit { .. });
        f.write_str(if overflow { "stack overflow: " } else { "no segment: " })?;
        write!(f, "goroutine {id}{space}{name}, started at {site}, needs {need} bytes of stack: ")?;
        match error {
            StackError::SegmentLimit { asked, used, limit } => write!(
                f,
                "its segments take {used} bytes, and another {asked} would take it beyond its limit of {limit} \
                 (Builder::segment_limit, Scheduler::segments). Make the recursion shallower, or raise the limit"
            ),
            _ if !core.segments.are_there() => f.write_str(
                "its scheduler has no source of segments: give it one by Scheduler::segments",
            ),
            error => error.fmt(f),
        }
    }
}

/// The segments of the calling M's scheduler. Used on g0, inside, by what [`Goroutines::apart`] runs.
pub(crate) struct Source<P>(PhantomData<fn() -> P>);

impl<P: Platform> Source<P> {
    fn with<R>(f: impl FnOnce(&Within) -> R) -> R {
        match current_m::<P>() {
            Some(m) if m.claim.is_inside() => {
                // SAFETY: `apart` is inside, and its M owns a P.
                let within = unsafe { Within::assume(m) };
                checked!(
                    core::ptr::eq(within.p().m.load(Ordering::Relaxed), m),
                    "L18: an M takes a segment from a P that it does not own"
                );
                f(within)
            }
            _ => nothing_grows_here::<P>(),
        }
    }
}

// SAFETY: as the source that the scheduler was given.
unsafe impl<P: Platform> StackSource for Source<P> {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        Self::with(|within| {
            // SAFETY: within, so the P is this M's.
            let stack = unsafe { within.core().segments.take(&within.p().segments, class) }?;
            if within.core().measures
                && let Some(g) = within.m().running()
            {
                // SAFETY: `apart` runs for this goroutine, on g0.
                unsafe { measure::given::<P>(g, class) };
            }
            Ok(stack)
        })
    }

    unsafe fn free(&self, stack: Stack) {
        // SAFETY: as the caller ensures.
        Self::with(|within| unsafe { within.core().segments.put(&within.p().segments, stack) });
    }
}

/// Gives what the running goroutine keeps of the usual class to the P, before it parks. A channel's or other lock may
/// be held.
///
/// # Safety
///
/// `within` must be the M that runs `g`, which must be on a stack of its own.
#[cold]
#[inline(never)]
pub(super) unsafe fn leave_kept(within: &Within, g: NonNull<G>) {
    let segments = &within.core().segments;
    // SAFETY: the running goroutine's own stacks; what it keeps came from this scheduler.
    unsafe {
        let present = NonNull::new_unchecked(g.as_ref().present.get());
        let mut outermost = present;
        for stack in grow::take_kept(present) {
            if stack.class() == segments.depot.class() {
                segments.put(&within.p().segments, stack);
                continue;
            }
            let header = NonNull::from(&*stack);
            let given = grow::give_kept(outermost, stack, usize::MAX);
            debug_assert!(given.is_ok(), "what was kept cannot be kept");
            outermost = header;
        }
        g.as_ref().stacks.set_segmented(!grow::is_first(present.as_ref()));
    }
}

/// Gives what `g` keeps to the P, when it ends or, of an extra M, when its thread's callback is over. Its own stack
/// must be the present one then, else it ends the program.
///
/// # Safety
///
/// As [`leave_kept`], and no lock may be held; or it must be called on g0, with nothing of `g` live.
#[cold]
#[inline(never)]
pub(crate) unsafe fn end<P: Platform>(within: &Within, g: NonNull<G>) {
    let segments = &within.core().segments;
    // SAFETY: the goroutine's own stacks; what it keeps came from this scheduler.
    unsafe {
        let present = NonNull::new_unchecked(g.as_ref().present.get());
        let empty = || {
            grow::take_kept(present).for_each(|stack| segments.put(&within.p().segments, stack));
            segments.release_surplus(&within.p().segments);
        };
        let low = present.as_ref().bottom().addr();
        if (low..present.addr().get()).contains(&stack_pointer().addr()) {
            on_g0(within.m(), empty);
        } else {
            empty();
        }
        if !grow::is_first(present.as_ref()) {
            fatal::<P>(
                Some(g),
                "a goroutine ends on a segment of its stack, and not on the stack that it began on",
            );
        }
        g.as_ref().stacks.set_segmented(false);
    }
}

/// Makes `stack` the present one of the running goroutine `g`, which is about to jump to a frame there; the segments
/// above are kept. Returns whether the goroutine was on another.
///
/// # Safety
///
/// `stack` must be a stack of the goroutine's with live frames, its present one or one beneath, and the caller must
/// jump there at once.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) unsafe fn leave_for(g: NonNull<G>, stack: *mut Header) -> bool {
    // SAFETY: the running goroutine's own word and stacks.
    unsafe {
        let this = g.as_ref();
        if this.present.get() == stack {
            return false;
        }
        let left = this.present_fiber();
        this.present.set(stack);
        left.before_return(this.present_fiber());
        true
    }
}

/// As [`end`], for the goroutine of an extra M that no thread has: gives what it keeps to the source.
///
/// # Safety
///
/// Nothing of `g` may be live, and no thread may look at it.
#[cfg(any(feature = "std", loom))]
pub(crate) unsafe fn end_without_p(core: &'static Core, g: NonNull<G>) {
    // SAFETY: the caller's alone; what it keeps came from its scheduler.
    unsafe {
        if let Some(present) = NonNull::new(g.as_ref().present.get()) {
            grow::take_kept(present).for_each(|stack| core.segments.put_without_p(stack));
        }
        g.as_ref().stacks.set_segmented(false);
    }
}
