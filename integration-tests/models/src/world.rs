//! What every model of the core needs: a scheduler's parts that live for one schedule, on the platform
//! that others model with too.

use std::ptr::NonNull;

use g0_sched::hooks::Next;
use g0_sched::model::NOBODY;
pub use g0_sched::model::Threads;
use g0_sched::{Config, Core, Deadlock, G, M, Mobility, More, Platform, Proc, hooks};
use g0_stack::{Class, Stack, StackError, StackSource};
use loom::sync::atomic::Ordering;

use loom::sync::{Arc, Notify};

/// In an `impl Platform`: what a platform of these models does as [`Threads`] do, all but how a thread starts.
macro_rules! as_threads {
    () => {
        $crate::world::as_threads!(but park);

        unsafe fn park(parker: &g0_sched::Parker, deadline: Option<u64>) -> bool {
            // SAFETY: the caller ensures the same.
            unsafe { <$crate::world::Threads as g0_sched::Platform>::park(parker, deadline) }
        }
    };
    (but park) => {
        fn current() -> *const g0_sched::M {
            <$crate::world::Threads as g0_sched::Platform>::current()
        }

        unsafe fn set_current(m: *const g0_sched::M) {
            // SAFETY: the caller ensures the same; so below.
            unsafe { <$crate::world::Threads as g0_sched::Platform>::set_current(m) };
        }

        unsafe fn unpark(parker: &g0_sched::Parker) {
            // SAFETY: as above.
            unsafe { <$crate::world::Threads as g0_sched::Platform>::unpark(parker) };
        }

        fn now() -> u64 {
            <$crate::world::Threads as g0_sched::Platform>::now()
        }

        fn heavy_fence() {
            <$crate::world::Threads as g0_sched::Platform>::heavy_fence();
        }

        fn fatal(report: &g0_sched::Fatal) -> ! {
            <$crate::world::Threads as g0_sched::Platform>::fatal(report)
        }
    };
}
pub(crate) use as_threads;

/// Models run no goroutine's code, so they need no stacks.
struct NoStacks;

// SAFETY: it gives none.
unsafe impl StackSource for NoStacks {
    fn alloc(&self, _: Class) -> Result<Stack, StackError> {
        unreachable!("a model asks for a stack")
    }

    unsafe fn free(&self, _: Stack) {
        unreachable!("a model frees a stack")
    }
}

/// The Gs of one schedule; freed with it, when no thread is left.
pub struct Gs(Vec<NonNull<G>>);

// SAFETY: only names are handed out; what is done with the Gs, the queues order, and loom checks.
unsafe impl Send for Gs {}
// SAFETY: as above.
unsafe impl Sync for Gs {}

impl Gs {
    /// So many, never run.
    pub fn new(n: usize) -> Gs {
        Gs((0..n).map(|_| NonNull::from(Box::leak(Box::new(G::new())))).collect())
    }

    /// One of them.
    pub fn get(&self, i: usize) -> NonNull<G> {
        self.0[i]
    }

    /// Which of them it is.
    pub fn index(&self, g: NonNull<G>) -> Option<usize> {
        self.0.iter().position(|&own| own == g)
    }
}

impl Drop for Gs {
    fn drop(&mut self) {
        // SAFETY: made in `new`; whoever drops the last handle has joined the threads.
        self.0.drain(..).for_each(|g| unsafe { drop(Box::from_raw(g.as_ptr())) });
    }
}

/// A G's name on its way to another thread of the model.
#[derive(Clone, Copy)]
pub struct Sent(pub NonNull<G>);

// SAFETY: the queues order what is done with the G; loom checks that they do.
unsafe impl Send for Sent {}

// SAFETY: the pointers live as long as the schedule; loom checks what is done behind them.
unsafe impl Send for World {}
// SAFETY: as above.
unsafe impl Sync for World {}

/// One scheduler, for one schedule.
pub struct World {
    core: *mut Core,
    procs: *mut [Proc],
    ms: *mut [M],
    bells: Vec<*mut Notify>,
    gs: Gs,
}

impl World {
    /// `procs` Ps, all idle, `machines` Ms that have not been started, `gs` Gs; with full fences.
    pub fn new(procs: usize, machines: usize, gs: usize) -> World {
        World::with(procs, machines, gs, true, true, Deadlock::Ignore)
    }

    /// As [`new`](Self::new), of a scheduler that reports deadlocks: its Gs are goroutines that are
    /// in a queue or run, until the model says otherwise.
    pub fn reporting(procs: usize, machines: usize, gs: usize) -> World {
        let world = World::with(procs, machines, gs, true, true, Deadlock::Auto);
        // SAFETY: the Gs are new.
        (0..gs).for_each(|i| unsafe { hooks::register(world.core(), world.g(i)) });
        world
    }

    /// Gives sysmon a bell: a thread of the model plays its part.
    pub fn watched(mut self) -> World {
        let bell = Box::into_raw(Box::new(Notify::new()));
        let [sysmon, _] = hooks::other_parkers(self.core());
        sysmon.handle.store(bell as usize, Ordering::Relaxed);
        self.bells.push(bell);
        self
    }

    /// As [`new`](Self::new), but both fences are empty: for protocols that need none, and in
    /// which a full fence would hide a missing release or acquire.
    pub fn without_fences(procs: usize, machines: usize, gs: usize) -> World {
        World::with(procs, machines, gs, false, true, Deadlock::Ignore)
    }

    /// As [`new`](Self::new), on the pinned runtime.
    pub fn pinned(procs: usize, machines: usize, gs: usize) -> World {
        World::with(procs, machines, gs, true, false, Deadlock::Ignore)
    }

    /// As [`without_fences`](Self::without_fences), on the pinned runtime or the migrating one.
    pub fn on_runtime(migrating: bool, gs: usize) -> World {
        World::with(1, 1, gs, false, migrating, Deadlock::Ignore)
    }

    fn with(
        procs: usize,
        machines: usize,
        gs: usize,
        symmetric: bool,
        migrating: bool,
        deadlock: Deadlock,
    ) -> World {
        let procs: *mut [Proc] =
            Box::into_raw((0..procs).map(|_| Proc::new()).collect::<Box<[Proc]>>());
        let ms: *mut [M] = Box::into_raw((0..machines).map(|_| M::new()).collect::<Box<[M]>>());
        // SAFETY: freed in `end` or never; each schedule has its own.
        let (procs_ref, ms_ref) = unsafe { (&*procs, &*ms) };
        let config = Config {
            procs: procs_ref,
            machines: ms_ref,
            more: More::NONE,
            stacks: &NoStacks,
            // As small as a stack that is not packed.
            stack: Class::for_size(4096).expect("a class"),
            // SAFETY: a model has no thread-locals.
            mobility: unsafe { if migrating { Mobility::migrating() } else { Mobility::pinned() } },
            symmetric,
        };
        let core = hooks::with_deadlock(config, deadlock);
        let core = Box::into_raw(Box::new(core));
        let bells = ms_ref.iter().map(|m| {
            let bell = Box::into_raw(Box::new(Notify::new()));
            hooks::parker(m).handle.store(bell as usize, Ordering::Relaxed);
            bell
        });
        let bells = bells.collect();
        // SAFETY: as above.
        for parker in hooks::other_parkers(unsafe { &*core }) {
            parker.handle.store(NOBODY, Ordering::Relaxed);
        }
        let world = World { core, procs, ms, bells, gs: Gs::new(gs) };
        // SAFETY: the core is new.
        assert!(unsafe { hooks::open(world.core()) }, "new Ps belong to nobody");
        world
    }

    /// The scheduler.
    pub fn core(&self) -> &'static Core {
        // SAFETY: as in `new`.
        unsafe { &*self.core }
    }

    /// A G.
    pub fn g(&self, i: usize) -> NonNull<G> {
        self.gs.get(i)
    }

    /// The next unused M, adopted, inside, without a P.
    pub fn m(&self) -> &'static M {
        let m = hooks::first_m(self.core()).expect("the model has too few Ms");
        hooks::claim(m).enter(true);
        m
    }

    /// As [`m`](Self::m), with a P.
    pub fn m_with_p(&self) -> &'static M {
        let m = self.m();
        assert!(hooks::want_p::<Threads>(self.core(), m), "the model has too few Ps");
        m
    }

    /// As [`end`](Self::end), by the last thread that shares it.
    pub fn end_shared(world: Arc<World>) {
        Arc::try_unwrap(world).ok().expect("a thread of the model is left").end();
    }

    /// Frees everything. All threads have been joined.
    pub fn end(self) {
        // SAFETY: nobody is left who knows any of these.
        unsafe {
            drop(Box::from_raw(self.core));
            drop(Box::from_raw(self.procs));
            drop(Box::from_raw(self.ms));
            self.bells.into_iter().for_each(|bell| drop(Box::from_raw(bell)));
        }
    }
}

/// What the executor does with `m` between two goroutines: asks what is next, waits for a P, calls
/// `run` with what is to run; until the scheduler halts. `m` is inside.
pub fn schedule(core: &'static Core, m: &'static M, run: impl FnMut(NonNull<G>)) {
    schedule_on::<Threads>(core, m, run);
}

/// The same, on a platform that is not quite [`Threads`].
pub fn schedule_on<P: Platform>(
    core: &'static Core,
    m: &'static M,
    mut run: impl FnMut(NonNull<G>),
) {
    loop {
        // SAFETY: `m` is this thread's, inside; a model has no other stack.
        match hooks::next::<P>(core, m) {
            Next::Run(g) => {
                // SAFETY: `g` has left its queue for us.
                unsafe { hooks::resume(g) };
                run(g);
            }
            Next::Wait => {
                if !wait(core, m) {
                    return;
                }
            }
            Next::Conduct => unreachable!("no run has an end here"),
            Next::WaitUntil(_) => {
                if !nap::<P>(core, m) {
                    return;
                }
            }
            Next::Stop => return,
        }
    }
}

/// Waits until `m` has a P, and looks again and again; false when the scheduler has halted. Models without timers have
/// no other deadline.
pub fn nap<P: Platform>(core: &'static Core, m: &'static M) -> bool {
    loop {
        loom::thread::yield_now();
        if hooks::has_nextp(m) || hooks::halted(core) {
            return wait(core, m);
        }
        match hooks::spurious_wakeup::<P>(core, m) {
            None => return true,
            Some(Next::WaitUntil(_)) => {}
            Some(_) => return wait(core, m),
        }
    }
}

/// Waits until `m` has a P; false when the scheduler has halted.
pub fn wait(core: &'static Core, m: &'static M) -> bool {
    while !hooks::has_nextp(m) {
        if hooks::halted(core) {
            return false;
        }
        // SAFETY: the M's own thread.
        unsafe { Threads::park(hooks::parker(m), None) };
    }
    hooks::woken::<Threads>(core, m);
    true
}

/// Lets `m`, which finds nothing to do, rest: the state in which a model begins. No other thread
/// of the model is there yet.
pub fn rest(core: &'static Core, m: &'static M) {
    // SAFETY: as in `schedule`.
    let next = hooks::next::<Threads>(core, m);
    assert_eq!(next, Next::Wait, "nothing was published yet");
}
