//! A clock that does not do what clocks do: it stands still, or jumps. What waits for time waits by
//! that clock; nothing hangs that does not, and all else goes on.

mod common;
#[allow(dead_code, reason = "its scheduler is not used here, but its threads are")]
mod own;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant as RealTime};

use common::{SCHEDULERS, bounded};
use g0_sched::generic::{Receiver, Sender, channel};
use g0_sched::port::{Machines, Unwinding};
use g0_sched::{
    M, Parker, Platform, RecvTimeoutError, Scheduler, SendTimeoutError, StartError, WaitReason,
};
use own::{Own, as_own};
use rt::Instant;

/// std's threads, by a clock that the tests set.
#[derive(Debug)]
enum Bent {}

mod rt {
    g0_sched::platform!(super::Bent);
}

/// The clock shows the time of `Own` and this, or, when it stands, this alone. Both are set at once.
static HANDS: RwLock<Hands> = RwLock::new(Hands { shows: 0, stands: false });

#[derive(Clone, Copy)]
struct Hands {
    shows: u64,
    stands: bool,
}

impl Hands {
    fn time(self) -> u64 {
        if self.stands { self.shows } else { self.shows.saturating_add(Own::now()) }
    }
}

fn clock() -> u64 {
    HANDS.read().unwrap_or_else(PoisonError::into_inner).time()
}

fn set_the_clock(set: impl FnOnce(&mut Hands)) {
    set(&mut HANDS.write().unwrap_or_else(PoisonError::into_inner));
}

/// Far from both ends.
const NOON: u64 = 1 << 55;
const HOUR: Duration = Duration::from_secs(3600);

fn stop_the_clock() {
    set_the_clock(|hands| *hands = Hands { shows: hands.time(), stands: true });
}

/// It goes on from what it shows.
fn start_the_clock() {
    set_the_clock(|hands| *hands = Hands { shows: hands.shows - Own::now(), stands: false });
}

fn jump_ahead(length: Duration) {
    set_the_clock(|hands| hands.shows += length.as_nanos() as u64);
}

fn jump_back(length: Duration) {
    set_the_clock(|hands| hands.shows -= length.as_nanos() as u64);
}

// SAFETY: all that a platform promises is `Own`'s, but for the clock, which nothing relies on but
// the time at which what waits for it ends.
unsafe impl Platform for Bent {
    type Unwind = g0_defer::Rust;

    as_own!();

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        own::thread::<Self>(m)
    }

    /// Looks at the clock every now and then: it may have been set.
    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        const LOOK: u64 = 500_000;
        // SAFETY: the caller ensures the same; so below.
        let park = |deadline| unsafe { Own::park(parker, deadline) };
        let Some(deadline) = deadline else { return park(None) };
        loop {
            let left = deadline.saturating_sub(clock());
            if park(Some(Own::now() + left.min(LOOK))) {
                return true;
            }
            if left == 0 {
                return false;
            }
        }
    }

    fn now() -> u64 {
        clock()
    }
}

impl Machines for Bent {
    fn cpus() -> usize {
        2
    }
}

impl Unwinding for Bent {
    const UNWINDS: bool = true;

    unsafe fn throw_goexit() {
        // SAFETY: as above.
        unsafe { Own::throw_goexit() };
    }
}

g0_sched::default_parts!(Bent: ForeignCode, Interrupts, Reports);

/// One test at a time has the clock.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs `main` on schedulers of every kind, from when the clock shows `at`, running or standing. A
/// thread looks at the scheduler every millisecond, as a timer tick would.
fn on_every_scheduler(at: u64, stands: bool, main: impl Fn() + Clone + Send + Sync + 'static) {
    let _alone: MutexGuard<'_, ()> = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    own::register();
    for (threads, symmetric, procs) in SCHEDULERS {
        set_the_clock(|hands| *hands = Hands { shows: at, stands });
        let main = main.clone();
        let what = format!("{threads:?}, symmetric {symmetric}, {procs} procs");
        println!("{what}");
        bounded(&what, move || {
            let config = own::config(procs, threads.mobility(), symmetric);
            let scheduler: &'static Scheduler<Bent> = Box::leak(Box::new(Scheduler::new(config)));
            let over = Arc::new(AtomicBool::new(false));
            let seen = over.clone();
            let ticks = std::thread::spawn(move || {
                while !seen.load(Ordering::SeqCst) {
                    // SAFETY: its own platform, on a thread that is no M.
                    unsafe { scheduler.core().tick::<Bent>() };
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            let ended = scheduler.run(main);
            over.store(true, Ordering::SeqCst);
            ticks.join().unwrap();
            let ended = ended.unwrap();
            if let Err(payload) = ended.result.expect("main did not call goexit") {
                std::panic::resume_unwind(payload);
            }
            assert_eq!(ended.left_behind, 0);
        });
    }
}

/// Real time passes.
fn for_a_while(mut each: impl FnMut()) {
    let start = RealTime::now();
    while start.elapsed() < Duration::from_millis(15) {
        each();
        rt::yield_now();
    }
}

/// What needs no clock: goroutines, channels, locks, threads, and waits that do not time out.
fn all_that_needs_no_clock() {
    let (tx, rx): (Sender<u64, Bent>, Receiver<u64, Bent>) = channel(0);
    let (back, returned) = channel::<u64, Bent>(2);
    let there = {
        let (rx, back) = (rx.clone(), back.clone());
        rt::go(move || {
            while let Ok(value) = rx.recv_timeout(HOUR) {
                back.send(value + 1).unwrap();
            }
        })
    };
    let thread = std::thread::spawn(move || {
        while let Ok(value) = rx.recv() {
            back.send_timeout(value + 1, HOUR).unwrap();
        }
    });
    for i in 0..100 {
        tx.send_timeout(i, HOUR).unwrap();
        assert_eq!(returned.recv_timeout(HOUR), Ok(i + 1));
        if i % 10 == 0 {
            rt::yield_now();
        }
    }
    drop(tx);
    there.join().unwrap();
    thread.join().unwrap();
    assert_eq!(returned.recv_timeout(HOUR), Err(RecvTimeoutError::Disconnected));
    let sum = Arc::new(rt::Mutex::new(0));
    let adders: Vec<_> = (0..10)
        .map(|i| {
            let sum = sum.clone();
            rt::go(move || {
                for _ in 0..20 {
                    *sum.lock().unwrap() += i;
                    rt::yield_now();
                }
            })
        })
        .collect();
    adders.into_iter().for_each(|h| h.join().unwrap());
    assert_eq!(*sum.lock().unwrap(), 20 * 45);
}

/// A goroutine that sleeps, and whether it has woken. By when it is to wake is settled, so it does not
/// matter how soon it comes to sleep. The clock is not set back before it has woken.
fn sleeper(length: Duration) -> Arc<AtomicBool> {
    let woken = sleeper_until(Instant::now() + length, true);
    // Until it sleeps.
    for_a_while(|| ());
    woken
}

/// As [`sleeper`], without waiting until it sleeps; `onward`: the clock is not set back.
fn sleeper_until(deadline: Instant, onward: bool) -> Arc<AtomicBool> {
    let woken = Arc::new(AtomicBool::new(false));
    let theirs = woken.clone();
    drop(rt::go(move || {
        rt::sleep_until(deadline);
        assert!(!onward || Instant::now() >= deadline, "early by the clock it sleeps by");
        theirs.store(true, Ordering::SeqCst);
    }));
    woken
}

fn has(woken: &AtomicBool) -> bool {
    woken.load(Ordering::SeqCst)
}

/// Whatever waits for time comes, in a real time that is bounded by the test's own.
fn until(what: &str, done: impl Fn() -> bool) {
    common::yield_until(what, || {
        rt::yield_now();
        done()
    });
}

#[test]
fn while_the_clock_stands_still_nothing_is_due_and_all_else_goes_on() {
    on_every_scheduler(NOON, false, || {
        stop_the_clock();
        let woken = sleeper(Duration::from_millis(1));
        let (tx, rx) = channel::<u32, Bent>(0);
        let waits = rt::go(move || rx.recv_timeout(Duration::from_nanos(1)));
        let (_keep, from_none) = channel::<u32, Bent>(0);
        let thread = std::thread::spawn(move || from_none.recv_timeout(Duration::from_nanos(1)));
        all_that_needs_no_clock();
        for_a_while(|| ());
        assert!(!has(&woken) && !waits.is_finished() && !thread.is_finished(), "no time has gone");
        start_the_clock();
        until("time goes on", || has(&woken) && waits.is_finished() && thread.is_finished());
        assert_eq!(waits.join().unwrap(), Err(RecvTimeoutError::Timeout));
        assert_eq!(thread.join().unwrap(), Err(RecvTimeoutError::Timeout));
        drop(tx);
    });
}

#[test]
fn a_run_ends_while_the_clock_stands_still() {
    on_every_scheduler(NOON, true, || {
        let sleeping: Vec<_> = [1, 1_000_000, u64::MAX]
            .map(|nanos| sleeper(Duration::from_nanos(nanos)))
            .into_iter()
            .collect();
        assert!(!sleeping.iter().any(|woken| has(woken)));
    });
}

#[test]
fn a_clock_that_has_yet_to_be_started_is_no_hindrance() {
    on_every_scheduler(0, true, || {
        let woken = sleeper(Duration::from_millis(1));
        all_that_needs_no_clock();
        assert!(!has(&woken));
        start_after_zero();
        until("time goes on", || has(&woken));
    });
}

/// As [`start_the_clock`], where that cannot subtract.
fn start_after_zero() {
    set_the_clock(|hands| *hands = Hands { shows: 0, stands: false });
}

#[test]
fn a_clock_near_the_end_of_its_range_goes_on() {
    on_every_scheduler(u64::MAX - HOUR.as_nanos() as u64, false, || {
        let (short, long) = (sleeper(Duration::from_millis(1)), sleeper(HOUR * 2));
        until("a millisecond", || has(&short));
        all_that_needs_no_clock();
        let (_tx, rx) = channel::<u32, Bent>(0);
        assert_eq!(rx.recv_timeout(Duration::from_micros(100)), Err(RecvTimeoutError::Timeout));
        // The end of time.
        assert!(!has(&long));
    });
}

#[test]
fn what_the_clock_jumps_over_is_due_at_once() {
    on_every_scheduler(NOON, false, || {
        // Deadlines, not lengths: who comes to wait after the jump has missed his.
        let noon = Instant::now();
        let seconds = (1..=20).map(|i| HOUR / 20 * i - Duration::from_secs(1));
        let woken: Vec<_> = seconds.map(|after| sleeper_until(noon + after, true)).collect();
        let later = sleeper_until(noon + HOUR * 3, true);
        let (_tx, rx) = channel::<u32, Bent>(0);
        let waits = rt::go({
            let rx = rx.clone();
            move || rx.recv_deadline(noon + HOUR / 2)
        });
        let thread = std::thread::spawn(move || rx.recv_deadline(noon + HOUR / 2));
        let mut ticks = rt::interval(Duration::from_secs(1));
        until("all goroutines wait", || {
            let stats = rt::stats().expect("a goroutine asks").goroutines;
            (stats.waiting_for(WaitReason::Sleep), stats.waiting_for(WaitReason::Receive))
                == (21, 1)
        });
        for_a_while(|| ());
        assert!(!woken.iter().any(|woken| has(woken)) && !waits.is_finished());
        jump_ahead(HOUR);
        let seen = Instant::now();
        until("those who sleep wake", || woken.iter().all(|woken| has(woken)));
        until("a goroutine's receive ends", || waits.is_finished());
        until("a thread's receive ends", || thread.is_finished());
        assert_eq!(waits.join().unwrap(), Err(RecvTimeoutError::Timeout));
        assert_eq!(thread.join().unwrap(), Err(RecvTimeoutError::Timeout));
        // One tick for all that were missed.
        let first = ticks.tick();
        assert!(first < seen, "it was due");
        jump_ahead(Duration::from_secs(1));
        assert!(ticks.tick() >= seen, "the next is one to come");
        assert!(!has(&later));
        all_that_needs_no_clock();
    });
}

#[test]
fn a_clock_that_jumps_back_holds_nothing_up_that_is_asked_for_from_then_on() {
    on_every_scheduler(NOON, false, || {
        let before = sleeper_until(Instant::now() + HOUR / 2, false);
        for_a_while(|| ());
        jump_back(HOUR);
        for micros in [1, 50, 400, 3000] {
            let length = Duration::from_micros(micros);
            let start = RealTime::now();
            rt::sleep(length);
            assert!(start.elapsed() < Duration::from_secs(30), "held up: {:?}", start.elapsed());
        }
        let woken: Vec<_> = (1..50)
            .map(|i| sleeper_until(Instant::now() + Duration::from_micros(i * 40), false))
            .collect();
        until("those since", || woken.iter().all(|woken| has(woken)));
        let (_tx, rx) = channel::<u32, Bent>(0);
        assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
        let mut ticks = rt::interval(Duration::from_micros(300));
        assert!(ticks.tick() < ticks.tick());
        all_that_needs_no_clock();
        // From before: when the clock is there again.
        assert!(!has(&before));
        jump_ahead(HOUR + HOUR / 2);
        until("the time from before", || has(&before));
    });
}

/// Two goroutines that hand each other their P, and one that does without a break what succeeds at once; returns how
/// to end them.
fn busy_ones() -> impl FnOnce() {
    let over = Arc::new(AtomicBool::new(false));
    let (there, seen) = channel::<u32, Bent>(0);
    let (back, returned) = channel::<u32, Bent>(0);
    let (first, third) = (over.clone(), over.clone());
    let all = [
        rt::go(move || {
            while !first.load(Ordering::SeqCst) {
                there.send(1).unwrap();
                returned.recv().unwrap();
            }
        }),
        rt::go(move || seen.iter().for_each(|value| back.send(value).unwrap())),
        rt::go(move || {
            let lock = rt::Mutex::new(0u64);
            while !third.load(Ordering::SeqCst) {
                (0..50).for_each(|_| *lock.lock().unwrap() += 1);
                rt::yield_now();
            }
        }),
    ];
    move || {
        over.store(true, Ordering::SeqCst);
        all.into_iter().for_each(|one| one.join().unwrap());
    }
}

#[test]
fn beside_busy_ones_all_else_has_its_turns_by_a_clock_that_stands_still() {
    on_every_scheduler(NOON, true, || {
        let end = busy_ones();
        for _ in 0..10 {
            assert_eq!(rt::go(|| 1).join().unwrap(), 1);
            rt::yield_now();
        }
        all_that_needs_no_clock();
        end();
    });
}

#[test]
fn beside_busy_ones_all_else_has_its_turns_by_a_clock_that_jumps() {
    on_every_scheduler(NOON, false, || {
        let end = busy_ones();
        let (tx, rx) = channel::<u32, Bent>(0);
        // It never gives way by itself.
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let hog = rt::go(move || {
            while !seen.load(Ordering::SeqCst) {
                assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
            }
        });
        for i in 0..12 {
            match i % 4 {
                0 => jump_ahead(HOUR),
                1 => jump_back(HOUR),
                2 => jump_back(HOUR / 3600),
                _ => jump_ahead(HOUR / 1800),
            }
            assert_eq!(rt::go(|| 1).join().unwrap(), 1);
            for_a_while(|| ());
        }
        all_that_needs_no_clock();
        over.store(true, Ordering::SeqCst);
        hog.join().unwrap();
        drop(tx);
        end();
    });
}

#[test]
fn a_clock_that_jumps_about_loses_no_value_and_no_sleeper() {
    on_every_scheduler(NOON, false, || {
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        // Up to 20 ms off, in either direction.
        let hand = std::thread::spawn(move || {
            let mut random = 88_172_645_463_325_252u64;
            while !seen.load(Ordering::SeqCst) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                set_the_clock(|hands| hands.shows = NOON + random % 20_000_000);
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let (tx, rx) = channel::<u64, Bent>(1);
        let [sent, back, got, slept]: [Arc<AtomicUsize>; 4] =
            std::array::from_fn(|_| Arc::default());
        let patience = |i: usize| Duration::from_micros(i as u64 * 37 % 500);
        let mut all = Vec::new();
        for s in 0..3 {
            let (tx, sent, back) = (tx.clone(), sent.clone(), back.clone());
            all.push(rt::go(move || {
                for i in 0..150 {
                    match tx.send_timeout(1, patience(i + s)) {
                        Ok(()) => drop(sent.fetch_add(1, Ordering::SeqCst)),
                        Err(SendTimeoutError::Timeout(value)) => {
                            back.fetch_add(value as usize, Ordering::SeqCst);
                        }
                        Err(SendTimeoutError::Disconnected(_)) => panic!("nobody closed it"),
                    }
                }
            }));
            let (rx, got) = (rx.clone(), got.clone());
            all.push(rt::go(move || {
                for i in 0.. {
                    match rx.recv_timeout(patience(i + s)) {
                        Ok(value) => drop(got.fetch_add(value as usize, Ordering::SeqCst)),
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            }));
            let slept = slept.clone();
            all.push(rt::go(move || {
                for i in 0..20 {
                    rt::sleep(patience(i));
                    slept.fetch_add(1, Ordering::SeqCst);
                }
            }));
        }
        drop((tx, rx));
        all.into_iter().for_each(|h| h.join().unwrap());
        over.store(true, Ordering::SeqCst);
        hand.join().unwrap();
        let [sent, back, got, slept] = [sent, back, got, slept].map(|n| n.load(Ordering::SeqCst));
        assert_eq!((sent, sent + back, slept), (got, 450, 60));
    });
}
