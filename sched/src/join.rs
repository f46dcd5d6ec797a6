//! A goroutine's end, and who waits for it.
//!
//! ```text
//!   join word        0 ──── commit (join) ───▶ waiter
//!                    │ │                         │ post_exit
//!        drop handle │ │ post_exit               ▼
//!                    │ └──────────────────────▶ DONE ──▶ the joiner takes the result
//!                    ▼                                    and frees the G
//!                 DETACHED ── post_exit ──▶ freed by the M it ended on
//! ```
//!
//! The exiting goroutine's last touch of its own G is the store of DONE, after the switch away
//! from its stack: so whoever sees DONE may use the stack again.

use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ptr::NonNull;

use g0_arch::sync::atomic::{Ordering, fence};
use g0_defer::Unwind;

use crate::core::{Core, phase};
use crate::exec::enter::{Caller, caller, enter, leave, reenter};
use crate::exec::machine::fatal;
use crate::exec::park::{pick, wake_from};
use crate::exec::switch::{Tag, core_of, mcall, proc_of, switch_to};
use crate::g::{G, status};
use crate::lockedm::is_locked;
use crate::m::M;
use crate::platform::Platform;
use crate::waiter::Waiter;
use crate::waiting::Waiting;

pub(crate) const DETACHED: usize = 1;
pub(crate) const DONE: usize = 2;

/// How a joined goroutine ended: its value, or what unwound it.
pub type Outcome<T, P> = Result<T, <<P as Platform>::Unwind as Unwind>::Payload>;

/// A goroutine that can be waited for. Dropping it lets the goroutine run on by itself: a panic that nobody
/// takes is fatal, whether it comes then or has ended the goroutine before ([`Uncaught`](crate::Uncaught) says
/// otherwise). Only whoever drops the handle while unwinding drops such a panic with it.
pub struct JoinHandle<T, P: Platform> {
    g: NonNull<G>,
    result: *mut Outcome<T, P>,
    _owns: PhantomData<Outcome<T, P>>,
}

// SAFETY: the handle gives access to the result, which is `Send`, and to the G's join word.
unsafe impl<T: Send, P: Platform> Send for JoinHandle<T, P> {}
// SAFETY: a shared handle only reads the join word.
unsafe impl<T: Send, P: Platform> Sync for JoinHandle<T, P> {}

impl<T, P: Platform> JoinHandle<T, P> {
    /// # Safety
    ///
    /// `g` is a goroutine just made, whose result of this type will lie at `result`; this is its
    /// one handle.
    pub(crate) unsafe fn new(g: NonNull<G>, result: *mut Outcome<T, P>) -> Self {
        Self { g, result, _owns: PhantomData }
    }

    fn word(&self) -> &g0_arch::sync::atomic::AtomicUsize {
        // SAFETY: the G is not used again while its handle lives.
        unsafe { &self.g.as_ref().join }
    }

    /// Whether the goroutine has ended, so that [`join`](Self::join) would not wait.
    pub fn is_finished(&self) -> bool {
        self.word().load(Ordering::Acquire) == DONE
    }

    /// Waits until the goroutine has ended and returns its result: `Err` with the payload if a
    /// panic or [`goexit`](crate::generic::goexit) ended it. A goroutine parks, any other thread blocks.
    ///
    /// # Panics
    ///
    /// When a goroutine joins itself, and on the system stack.
    #[inline]
    pub fn join(self) -> Outcome<T, P> {
        while !self.is_finished() {
            self.wait();
        }
        // SAFETY: DONE: the result is written and the goroutine has left its stack for good.
        let result = unsafe { self.result.read() };
        free_from_outside::<P>(self.g);
        mem::forget(self);
        result
    }

    /// Out of line: a goroutine that has ended is joined in a few instructions.
    #[inline(never)]
    fn wait(&self) {
        let who = enter::<P>();
        if let Caller::Goroutine(m, g) = who
            && g == self.g
        {
            leave(m);
            panic!("g0: a goroutine joins itself; it would wait for ever");
        }
        let waiter = Waiter::new(who, false, Waiting::Join);
        // A waiter and the word it goes into, for `commit`.
        let pair = (self.word(), &raw const waiter);
        // SAFETY: the waiter and the pair live until the wait is over; the exiting goroutine
        // wakes the waiter it finds in the word once.
        let (who, cancelled) =
            unsafe { waiter.park::<P>(who, commit, (&raw const pair).cast_mut().cast()) };
        if let (Caller::Goroutine(m, g), true) = (who, cancelled) {
            let registered = (&raw const waiter).addr();
            let out =
                self.word().compare_exchange(registered, 0, Ordering::AcqRel, Ordering::Acquire);
            if out.is_ok() {
                leave(m);
                crate::shutdown::unwind::<P>(g);
            }
            let m = crate::shutdown::await_late::<P>(m, g);
            leave(m);
        } else if let Caller::Goroutine(m, _) = who {
            leave(m);
        }
    }
}

/// The joiner's unlock function.
///
/// # Safety
///
/// `arg` points to the pair that `wait` made.
unsafe fn commit(arg: *mut u8, _g: NonNull<G>) -> bool {
    // SAFETY: the caller's promise.
    let (word, waiter) =
        unsafe { arg.cast::<(&g0_arch::sync::atomic::AtomicUsize, *const Waiter)>().read() };
    // Release: whoever finds the waiter sees what is in it. Failure: it has ended.
    word.compare_exchange(0, waiter.expose_provenance(), Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
}

impl<T, P: Platform> Drop for JoinHandle<T, P> {
    fn drop(&mut self) {
        if self.word().compare_exchange(0, DETACHED, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: DONE: as in `join`; a scope outlives the handles of its goroutines.
            unsafe {
                untaken::<P, T>(self.g, &*self.result);
                self.result.drop_in_place();
            }
            free_from_outside::<P>(self.g);
        }
    }
}

impl<T, P: Platform> fmt::Debug for JoinHandle<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the handle keeps the G.
        f.debug_struct("JoinHandle")
            .field("goroutine", &unsafe { self.g.as_ref() }.label.id())
            .finish()
    }
}

/// `g` has ended, and nobody takes its result: a panic is its scope's, or nobody's.
///
/// # Safety
///
/// `g` is the caller's: the goroutine itself, or one that has ended and is kept by its handle; its scope is
/// alive.
pub(crate) unsafe fn untaken<P: Platform, T>(g: NonNull<G>, result: &Outcome<T, P>) {
    if let Err(payload) = result
        && !P::Unwind::is_goexit(payload)
    {
        // SAFETY: the caller's promise.
        match unsafe { g.as_ref().scope.get().as_ref() } {
            Some(scope) => scope.panicked(),
            // Whoever drops a handle while unwinding has a panic to tell of already.
            None if P::Unwind::panicking() => {}
            None => crate::defers::uncaught::<P>(g, payload),
        }
    }
}

/// The last thing that runs on a goroutine's stack, outside: it does not come back, but when the
/// handle was dropped at the last moment, to drop the result.
pub(crate) fn exit<P: Platform>(g: NonNull<G>) {
    let (m, _) = caller::<P>().expect("g0: a goroutine ends on a thread that is no M");
    reenter::<P>(m);
    // SAFETY: inside, with a P, on `g`'s own stack for the last time.
    unsafe {
        let core = core_of(m);
        if is_locked(g) || proc_of(m).count() || core.phase() != phase::OPEN {
            leave(mcall::<P>(m, g, Tag::Exit));
            return;
        }
        // A joiner that waits and may run here goes first: no queue is touched.
        let joiner = core::ptr::with_exposed_provenance::<Waiter>(
            g.as_ref().join.load(Ordering::Acquire) & !3,
        );
        let next = match joiner.as_ref().and_then(Waiter::goroutine) {
            Some(next) if runs_here(m, next) => {
                next.as_ref().status.store(status::RUNNABLE, Ordering::Relaxed);
                Some(next)
            }
            _ => pick(m),
        };
        let m = match next {
            Some(next) => switch_to::<P>(m, g, next, Tag::Exit),
            None => mcall::<P>(m, g, Tag::Exit),
        };
        leave(m);
    }
}

/// Whether `g`, parked, may be switched to on `m`, past all queues.
unsafe fn runs_here(m: &'static M, g: NonNull<G>) -> bool {
    // SAFETY: the G waits for the caller alone, so its fields stand still.
    unsafe {
        let bound = g.as_ref().bound.get();
        (bound.is_null() || core::ptr::eq(bound, m)) && m.reserved.get().is_null()
    }
}

/// After the switch away from a goroutine that has ended.
///
/// # Safety
///
/// Inside, with a P; nothing on `g`'s stack is live any more.
pub(crate) unsafe fn post_exit<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: the caller's promise; `g` is ours until DONE is stored.
    unsafe {
        let this = g.as_ref();
        let p = proc_of(m);
        let word = this.join.load(Ordering::Acquire);
        if word == DETACHED && this.has_result.get() {
            // The handle went while the goroutine was ending: it drops its result itself.
            return run_again::<P>(m, g);
        }
        let locked = is_locked(g);
        let scope = this.scope.get();
        this.status.store(status::DEAD, Ordering::Relaxed);
        p.ended.store(p.ended.load(Ordering::Relaxed) + 1, Ordering::Release);
        let waiter = core::ptr::with_exposed_provenance::<Waiter>(word);
        if word == DETACHED {
            free(m, g);
        } else if word != 0 && core_of(m).phase() == phase::OPEN {
            // A joiner waits until it is woken, so the word stands still. (From CLOSING on it may
            // leave of its own accord: then the swap below decides which of the two was first.)
            let next = (*waiter).goroutine();
            // Release: pairs with the joiner's load.
            this.join.store(DONE, Ordering::Release);
            if next.is_none_or(|next| next.as_ptr() != m.g.load(Ordering::Relaxed)) {
                Waiter::wake::<P>(waiter, Some(m));
            }
        } else {
            match this.join.swap(DONE, Ordering::AcqRel) {
                0 => {}
                DETACHED if this.has_result.get() => {
                    // As above, a moment later.
                    this.join.store(DETACHED, Ordering::Relaxed);
                    this.status.store(status::RUNNABLE, Ordering::Relaxed);
                    p.ended.store(p.ended.load(Ordering::Relaxed) - 1, Ordering::Release);
                    return run_again::<P>(m, g);
                }
                DETACHED => free(m, g),
                waiter => Waiter::wake::<P>(core::ptr::with_exposed_provenance(waiter), Some(m)),
            }
        }
        if let Some(scope) = scope.as_ref() {
            scope.done::<P>(m);
        }
        if locked {
            m.reserved.set(core::ptr::null_mut());
            if !m.migrating.get() {
                crate::lockedm::untie_shared(m);
            }
            m.tainted.set(true);
        }
        if core_of(m).main_gone.load(Ordering::Relaxed) {
            crate::shutdown::last_one_out::<P>(core_of(m));
        }
    }
}

/// A goroutine that was to end has something left to do. It has not parked, so nobody else knows
/// of it, shutdown included, and there is no status to look at.
///
/// # Safety
///
/// As [`post_exit`].
unsafe fn run_again<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: the caller's promise.
    if unsafe { core_of(m).deliver::<P>(Some(m), g, true) } {
        wake_from::<P>(m);
    }
}

/// A mark in `refs`: the goroutine has ended, and its last handle frees it.
const ZOMBIE: u32 = 1 << 31;

/// Back to the P's free list; its handle has been given up, or is being.
///
/// # Safety
///
/// Inside, with a P; nobody uses `g` any more but the holders of counted handles.
#[inline(always)]
pub(crate) unsafe fn free(m: &'static M, g: NonNull<G>) {
    // SAFETY: the caller's promise.
    unsafe {
        if is_referred_to(g) {
            return;
        }
        g.as_ref().fiber.retire();
        let stack = g0_stack::Stack::from_raw(G::header(g));
        proc_of(m).free.with_mut(|free| core_of(m).depot.free(&mut *free, stack));
    }
}

/// Whether a counted handle keeps the ended goroutine `g`: then that will free it.
///
/// # Safety
///
/// `g` has ended.
unsafe fn is_referred_to(g: NonNull<G>) -> bool {
    // SAFETY: the caller's promise.
    let refs = unsafe { &g.as_ref().refs };
    // Acquire: what the holders did is over.
    if refs.load(Ordering::Acquire) == 0 {
        return false;
    }
    let referred = refs.fetch_or(ZOMBIE, Ordering::AcqRel) != 0;
    if !referred {
        // The last one went in between: the mark is not for whoever uses the G next.
        refs.store(0, Ordering::Relaxed);
    }
    referred
}

/// A counted handle more: a `Goroutine`, a waker.
///
/// # Safety
///
/// `g` is alive, or another counted handle keeps it.
pub(crate) unsafe fn refer<P: Platform>(g: NonNull<G>) {
    /// Far below the mark, and more than memory holds unless handles are leaked on purpose.
    const MOST: u32 = ZOMBIE / 2;
    // SAFETY: the caller's promise. Relaxed: as for any reference count.
    if unsafe { g.as_ref().refs.fetch_add(1, Ordering::Relaxed) } & !ZOMBIE >= MOST {
        fatal::<P>(Some(g), "too many handles and wakers of one goroutine: they are leaked");
    }
}

/// A counted handle has gone.
pub(crate) fn unrefer<P: Platform>(g: NonNull<G>) {
    // SAFETY: a counted handle keeps the G.
    let refs = unsafe { &g.as_ref().refs };
    if refs.fetch_sub(1, Ordering::AcqRel) == ZOMBIE | 1 {
        refs.store(0, Ordering::Relaxed);
        if P::in_interrupt() {
            // SAFETY: it has ended, and this was the last handle.
            unsafe { crate::interrupt::bury::<P>(g) };
        } else {
            free_from_outside::<P>(g);
        }
    }
}

/// Frees a G that has ended, from wherever its handle is dropped.
#[inline]
fn free_from_outside<P: Platform>(g: NonNull<G>) {
    // SAFETY: Ms are never freed; the G has ended and its handle is the caller's.
    unsafe {
        let home = crate::shutdown::home(g);
        match P::current().as_ref() {
            Some(m) if m.running().is_some() && core::ptr::eq(core_of(m), home) => {
                reenter::<P>(m);
                free(m, g);
                leave(m);
            }
            _ => free_far(home, g),
        }
    }
}

/// Frees a G on a thread that has no cache of its scheduler: into the depot.
///
/// What is freed may be the last that held the scheduler together, whose owner looks for that:
///
/// ```text
///   this thread                       the owner, all Ms having ended
///   guests += 1                       look whether a G is held
///   fence                             fence
///   free the G, use the depot         look at guests
///   guests -= 1
/// ```
///
/// The owner sees the G held, or the guest; or both are gone, and it is alone.
///
/// # Safety
///
/// As [`free`], but for the P.
#[cold]
#[inline(never)]
pub(crate) unsafe fn free_far(home: &'static Core, g: NonNull<G>) {
    // SAFETY: the caller's promise.
    unsafe {
        if is_referred_to(g) {
            return;
        }
        // Relaxed: the fence orders it.
        home.guests.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        g.as_ref().fiber.retire();
        let mut cache = g0_stack::Cache::new(home.config.stack);
        home.depot.free(&mut cache, g0_stack::Stack::from_raw(G::header(g)));
        home.depot.drain(&mut cache);
        // Release: the depot is left before.
        home.guests.fetch_sub(1, Ordering::Release);
    }
}
