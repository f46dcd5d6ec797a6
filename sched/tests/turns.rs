//! How long a runnable goroutine waits beside one that is at it all the time (L24), on a clock that goes by what the
//! latter does: so no machine is too busy to tell.
//!
//! `cargo xtask soak` prints the worst wait beside each operation that may suspend.

mod common;
#[allow(dead_code, reason = "its scheduler is not used here, but its threads are")]
mod own;
mod rows;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Thread, ThreadId};
use std::time::{Duration, Instant as RealTime};

use common::{Threads, bounded, suspends_often};
use g0_sched::port::{Machines, Unwinding};
use g0_sched::{M, Parker, Platform, Scheduler, StartError, Stats};
use own::{Own, as_own};
use rows::{MAY, Op, UNCUT};
use rt::{go, sleep, stats, yield_now};

/// std's threads, by a clock of their own.
#[derive(Debug)]
enum Virtual {}

mod rt {
    g0_sched::platform!(super::Virtual);
}

/// The platform whose operations are the rows.
mod under_test {
    pub use crate::rt::*;
    pub type P = crate::Virtual;
    pub type Sender<T> = g0_sched::generic::Sender<T, P>;
    pub type Receiver<T> = g0_sched::generic::Receiver<T, P>;
    pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        g0_sched::generic::channel(capacity)
    }
}

/// What the clock shows, nanoseconds.
static CLOCK: AtomicU64 = AtomicU64::new(0);
/// When the next tick is due; how many were asked for, and how many have been.
static NEXT_TICK: AtomicU64 = AtomicU64::new(0);
static ASKED: AtomicUsize = AtomicUsize::new(0);
static TICKED: AtomicUsize = AtomicUsize::new(0);
/// Goroutines have a thread each.
static HAVE_THREADS: AtomicBool = AtomicBool::new(false);
/// The thread that does the ticks.
static TICKS: Mutex<Option<Thread>> = Mutex::new(None);

const MS: u64 = 1_000_000;
/// How long an operation takes.
const OPERATION: u64 = 50_000;
/// From tick to tick: sysmon sleeps for as long when it has seen nothing for a while.
const TICK: u64 = 5 * MS;
/// A turn, if nothing else is said.
const TURN: u64 = 10 * MS;

// SAFETY: all that a platform promises is `Own`'s, but for the clock, which nothing relies on but the time at which
// what waits for it ends.
unsafe impl Platform for Virtual {
    type Unwind = g0_defer::Rust;

    as_own!();

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        own::thread::<Self>(m)
    }

    /// Looks at the clock every now and then: it goes on meanwhile. If it does not, all wait for time, perhaps, and a
    /// little of it passes.
    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        const LOOK: u64 = 100_000;
        const LITTLE: u64 = 1_000;
        // SAFETY: the caller ensures the same; so below.
        let park = |deadline| unsafe { Own::park(parker, deadline) };
        rests_until(deadline);
        let Some(deadline) = deadline else { return park(None) };
        loop {
            let seen = Self::now();
            if park(Some(Own::now() + LOOK)) {
                return true;
            }
            if Self::now() == seen {
                CLOCK.fetch_add(LITTLE, Ordering::SeqCst);
            }
            if Self::now() >= deadline {
                return false;
            }
        }
    }

    fn now() -> u64 {
        CLOCK.load(Ordering::SeqCst)
    }
}

impl Machines for Virtual {
    fn cpus() -> usize {
        1
    }
}

impl Unwinding for Virtual {
    const UNWINDS: bool = true;

    unsafe fn throw_goexit() {
        // SAFETY: as above.
        unsafe { Own::throw_goexit() };
    }
}

g0_sched::default_parts!(Virtual: ForeignCode, Interrupts, Reports);

/// Until when each thread that waits for a time does so; after that, until it waits again.
static DUE: Mutex<Vec<(ThreadId, u64)>> = Mutex::new(Vec::new());

fn due() -> MutexGuard<'static, Vec<(ThreadId, u64)>> {
    DUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The calling thread waits until `deadline`, or for no time.
fn rests_until(deadline: Option<u64>) {
    let this = std::thread::current().id();
    let mut due = due();
    due.retain(|(thread, _)| *thread != this);
    due.extend(deadline.map(|deadline| (this, deadline)));
}

/// Waits until each thread whose time has come has done what it woke for, and waits again: the clock stands still
/// while the machine finds the time. A thread that has ended meanwhile is not waited for again.
fn let_threads_look(now: u64) {
    rests_until(None); // the goroutine's own thread is at work
    let start = RealTime::now();
    while due().iter().any(|(_, deadline)| *deadline <= now) {
        if start.elapsed() > Duration::from_secs(1) {
            due().retain(|(_, deadline)| *deadline > now);
        }
        std::thread::yield_now();
    }
}

/// The running goroutine computes for `length`. When a tick is due it comes meanwhile; what has its P then is waited
/// for, so that the clock stands still while the machine finds the time.
fn compute(length: u64) {
    let now = CLOCK.fetch_add(length, Ordering::SeqCst) + length;
    let_threads_look(now);
    if now < NEXT_TICK.load(Ordering::SeqCst) {
        return;
    }
    NEXT_TICK.store(now + TICK, Ordering::SeqCst);
    let tick = ASKED.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(thread) = &*TICKS.lock().unwrap_or_else(PoisonError::into_inner) {
        thread.unpark();
    }
    while TICKED.load(Ordering::SeqCst) < tick {
        std::thread::yield_now();
    }
    stand_in_line();
}

/// Waits for the P, if it has been taken; never suspends. Where goroutines have a thread each, those that are ready have
/// woken then, and stand in line for the P.
fn stand_in_line() {
    let in_line = |all: Stats| all.goroutines.runnable <= all.machines.waiting_for_p;
    let start = RealTime::now();
    while !in_line(stats().expect("a goroutine asks"))
        && HAVE_THREADS.load(Ordering::SeqCst)
        && start.elapsed() < Duration::from_secs(5)
    {
        std::thread::yield_now();
    }
}

/// One test at a time has the clock.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs `main` on schedulers of every kind with one P, with turns of that length.
fn on_every_scheduler(turn: Duration, main: impl Fn(Threads) + Clone + Send + Sync + 'static) {
    let _alone: MutexGuard<'_, ()> = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    own::register();
    for (threads, symmetric) in Threads::ALL.into_iter().zip([true, false, true]) {
        let main = main.clone();
        println!("{threads:?}, turns of {turn:?}");
        HAVE_THREADS.store(threads == Threads::Exclusive, Ordering::SeqCst);
        bounded("turns", move || {
            let config = own::config(1, threads.mobility(), symmetric);
            let scheduler = Scheduler::<Virtual>::new(config).slice(turn);
            let scheduler: &'static Scheduler<Virtual> = Box::leak(Box::new(scheduler));
            let over = Arc::new(AtomicBool::new(false));
            let seen = over.clone();
            let ticks = std::thread::spawn(move || {
                while !seen.load(Ordering::SeqCst) {
                    let asked = ASKED.load(Ordering::SeqCst);
                    if TICKED.load(Ordering::SeqCst) < asked {
                        // SAFETY: its own platform, on a thread that is no M.
                        unsafe { scheduler.core().tick::<Virtual>() };
                        TICKED.store(asked, Ordering::SeqCst);
                    }
                    std::thread::park_timeout(Duration::from_millis(1));
                }
            });
            *TICKS.lock().unwrap_or_else(PoisonError::into_inner) = Some(ticks.thread().clone());
            let ended = scheduler.run(move || main(threads));
            over.store(true, Ordering::SeqCst);
            ticks.join().unwrap();
            if let Err(payload) = ended.unwrap().result.expect("main did not call goexit") {
                std::panic::resume_unwind(payload);
            }
        });
    }
}

/// Does one operation for `length`; returns how often a goroutine that wants to run every millisecond has run meanwhile, and
/// how long it has waited for it at worst, nanoseconds.
fn beside(length: u64, make: fn() -> Op) -> (u64, u64) {
    let (over, turns, worst) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let (its_over, its_turns, its_worst) = (over.clone(), turns.clone(), worst.clone());
    let sleeper = go(move || {
        while !its_over.load(Ordering::SeqCst) {
            let due = CLOCK.load(Ordering::SeqCst) + MS;
            sleep(Duration::from_nanos(MS));
            // What comes after the other's end is not beside it.
            if !its_over.load(Ordering::SeqCst) {
                its_turns.fetch_add(1, Ordering::SeqCst);
                let late = CLOCK.load(Ordering::SeqCst).saturating_sub(due);
                its_worst.fetch_max(late, Ordering::SeqCst);
            }
        }
    });
    yield_now();
    let hog = go(move || {
        let (mut op, end) = (make(), CLOCK.load(Ordering::SeqCst) + length);
        while CLOCK.load(Ordering::SeqCst) < end {
            compute(OPERATION);
            op();
        }
        over.store(true, Ordering::SeqCst);
    });
    hog.join().unwrap();
    while !sleeper.is_finished() {
        compute(MS);
        yield_now();
    }
    (turns.load(Ordering::SeqCst), worst.load(Ordering::SeqCst))
}

#[test]
fn the_worst_wait_beside_any_operation_that_may_suspend_is_a_few_turns() {
    // Until a tick sees that its turn is over, and the competitor's own turn.
    const MOST: u64 = 20 * MS + TURN;
    const LENGTH: u64 = 300 * MS;
    on_every_scheduler(Duration::from_nanos(TURN), |threads| {
        for &(name, make) in MAY.iter().chain(UNCUT) {
            let (turns, worst) = beside(LENGTH, make);
            println!("{:9} {:>5} us  {name}", format!("{threads:?}"), worst / 1000);
            assert!(worst <= MOST, "{threads:?}, {name}: {worst} ns");
            assert!(turns >= LENGTH / MOST, "{threads:?}, {name}: {turns} turns");
        }
    });
}

/// A lock that is always free.
fn lock() -> Op {
    MAY.iter().find(|row| row.0 == "Mutex::lock").expect("a row").1()
}

#[test]
fn a_turn_is_as_long_as_the_scheduler_was_told() {
    for turn in [20 * MS, 40 * MS, 80 * MS] {
        on_every_scheduler(Duration::from_nanos(turn), move |threads| {
            let (_, worst) = beside(10 * turn, lock);
            let fits = (turn - TICK..=turn + 2 * TICK).contains(&worst);
            assert!(fits, "{threads:?}, turns of {turn} ns: {worst} ns");
        });
    }
}

#[test]
fn a_turn_that_is_shorter_than_the_time_between_two_ticks_ends_at_the_next() {
    for turn in [1, 1000, MS] {
        on_every_scheduler(Duration::from_nanos(turn), move |threads| {
            let (turns, worst) = beside(200 * MS, lock);
            println!("{threads:?}: {turns} turns, {worst} ns");
            let short = worst <= 2 * TICK && turns >= 10;
            assert!(short, "{threads:?}, turns of {turn} ns: {turns} turns, {worst} ns");
        });
    }
}

#[test]
fn without_length_a_turn_ends_at_each_operation_that_may_suspend() {
    const TIMES: usize = 200;
    on_every_scheduler(Duration::ZERO, |threads| {
        // What takes no P looks up from the first tick on.
        compute(2 * TICK);
        let (said, both) = (Arc::new(Mutex::new(Vec::new())), Arc::new(rt::Barrier::new(2)));
        let all = [0, 1].map(|name| {
            let (said, both) = (said.clone(), both.clone());
            go(move || {
                let mut op = lock();
                both.wait();
                for _ in 0..TIMES {
                    said.lock().unwrap().push(name);
                    stand_in_line();
                    op();
                }
            })
        });
        all.into_iter().for_each(|one| one.join().unwrap());
        let said = said.lock().unwrap();
        let twice = said.windows(2).filter(|pair| pair[0] == pair[1]).count();
        // At the beginning and the end.
        assert!(twice <= 4, "{threads:?}: {twice} of {} in a row", said.len());
    });
}

#[test]
fn without_end_a_turn_is_never_over() {
    on_every_scheduler(Duration::MAX, |threads| {
        let (turns, _) = beside(1000 * MS, lock);
        assert_eq!((turns, stats().unwrap().evictions), (0, 0), "{threads:?}");
    });
}

/// Two goroutines that hand each other the P.
struct Pair {
    /// How long they have computed, nanoseconds.
    computed: Arc<AtomicU64>,
    one: rt::JoinHandle<ThreadId>,
    other: rt::JoinHandle<ThreadId>,
}

impl Pair {
    /// They compute for `hop` before each hand-off, until the clock shows `end`.
    fn start(hop: u64, end: u64) -> Self {
        let computed = Arc::new(AtomicU64::new(0));
        let (to, there) = under_test::channel::<()>(0);
        let (back, from) = under_test::channel::<()>(0);
        let work = {
            let computed = computed.clone();
            move || {
                compute(hop);
                computed.fetch_add(hop, Ordering::SeqCst);
            }
        };
        let first = work.clone();
        let one = go(move || {
            while CLOCK.load(Ordering::SeqCst) < end {
                first();
                to.send(()).unwrap();
                from.recv().unwrap();
            }
            std::thread::current().id()
        });
        let other = go(move || {
            while there.recv().is_ok() {
                work();
                back.send(()).unwrap();
            }
            std::thread::current().id()
        });
        Self { computed, one, other }
    }

    /// Returns how long they have computed, when they have ended; and whether they are torn: where goroutines stay on
    /// the thread that they begin on, that may be two. Such a pair has a turn for each hop.
    fn end(self) -> (u64, bool) {
        let torn = self.one.join().unwrap() != self.other.join().unwrap();
        (self.computed.load(Ordering::SeqCst), torn)
    }
}

#[test]
fn l24_pairs_that_hand_each_other_the_p_share_it_by_time() {
    if suspends_often() {
        return; // then each hop ends a turn
    }
    on_every_scheduler(Duration::from_nanos(TURN), |threads| {
        // Where each has a thread of its own, the Ms that wait for the P have it by turns.
        if threads == Threads::Exclusive {
            return;
        }
        for [heavy, light] in [[40_000, 100], [2 * MS, 1_000], [100, 40_000], [5_000, 5_000]] {
            let whole = (0..50).any(|_| {
                let end = CLOCK.load(Ordering::SeqCst) + 400 * MS;
                let ended = [heavy, light].map(|hop| Pair::start(hop, end)).map(Pair::end);
                let [(one, torn), (other, too)] = ended;
                println!("{threads:?}: hops of {heavy} and {light} ns: {ended:?}");
                if threads == Threads::Pinned && (torn || too) {
                    return false;
                }
                let ratio = one as f64 / other as f64;
                assert!((0.4..=2.5).contains(&ratio), "{threads:?}, {heavy}, {light} ns: {ratio}");
                true
            });
            assert!(whole, "{threads:?}: all pairs are torn");
        }
    });
}

#[test]
fn l24_many_quick_pairs_have_short_turns() {
    if suspends_often() {
        return; // then each hop ends a turn
    }
    on_every_scheduler(Duration::from_nanos(TURN), |threads| {
        if threads == Threads::Exclusive {
            return;
        }
        let end = CLOCK.load(Ordering::SeqCst) + 100 * MS;
        let pairs: Vec<_> = (0..50).map(|_| Pair::start(100, end)).collect();
        let (turns, worst) = beside(50 * MS, || Box::new(yield_now));
        let had: Vec<_> = pairs.into_iter().map(Pair::end).collect();
        println!("{threads:?}: {turns} turns, at worst {worst} ns late; the pairs: {had:?}");
        let none = had.iter().any(|(had, torn)| !torn && *had < MS / 10);
        assert!(
            worst <= 8 * MS && !none,
            "{threads:?}: the turns are long, or a pair has had none"
        );
    });
}
