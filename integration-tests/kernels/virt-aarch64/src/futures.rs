//! Futures in goroutines: those of a crate for bare metal, and one that an interrupt wakes.

use core::future::pending;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use g0_sched::Platform;

use crate::alarm::{self, alarm};
use crate::goroutines::timed;
use crate::platform::Virt;
use crate::{GOROUTINES, rt, say};

const MESSAGES: u64 = 100_000;
const ALARMS: u64 = 200;
const MILLI: u64 = 1_000_000;

static CHANNEL: Channel<CriticalSectionRawMutex, u64, 4> = Channel::new();
static RINGS: AtomicU64 = AtomicU64::new(0);
static GROUP: rt::WaitGroup = rt::WaitGroup::new();

/// All of it, on the main goroutine.
pub fn run() {
    a_crates_channel();
    alarms();
    sleeps();
    an_alarm_outlives_its_goroutine();
}

/// Goroutines that wait for each other in an executor-neutral crate.
fn a_crates_channel() {
    timed("message through embassy-sync", MESSAGES, || {
        let sender = rt::go(|| (0..MESSAGES).for_each(|i| rt::block_on(CHANNEL.send(i))));
        let sum: u64 = (0..MESSAGES).map(|_| rt::block_on(CHANNEL.receive())).sum();
        assert_eq!(sum, MESSAGES * (MESSAGES - 1) / 2);
        let Ok(()) = sender.join();
    });
}

/// The handler wakes goroutines while others keep the scheduler busy: it interrupts it everywhere.
fn alarms() {
    const WAITERS: usize = GOROUTINES - 4;
    let before = alarm::interrupts();
    timed("alarm", ALARMS * WAITERS as u64, || {
        GROUP.add(WAITERS);
        for i in 0..WAITERS as u64 {
            drop(rt::go(move || {
                for round in 0..ALARMS {
                    let began = Virt::now();
                    let length = 1_000 * (1 + (7 * i + round) % 40);
                    rt::block_on(alarm(length));
                    assert!(Virt::now() - began >= length, "an alarm rang early");
                    RINGS.fetch_add(1, Ordering::Relaxed);
                }
                GROUP.done();
            }));
        }
        // One that waits for what the handler says, and one that yields for as long as they ring.
        let listener = rt::go(|| {
            let mut heard = 0;
            while RINGS.load(Ordering::Relaxed) < ALARMS * WAITERS as u64 / 2 {
                let count = rt::block_on(alarm::RUNG.wait());
                assert!(count > heard, "a signal came twice");
                heard = count;
            }
        });
        let busy = rt::go(|| {
            let mut spawned = 0_u64;
            while RINGS.load(Ordering::Relaxed) < ALARMS * WAITERS as u64 / 2 {
                let Ok(i) = rt::go(move || spawned).join();
                assert_eq!(i, spawned);
                spawned += 1;
                rt::yield_now();
            }
        });
        GROUP.wait();
        let Ok(()) = listener.join();
        let Ok(()) = busy.join();
    });
    assert_eq!(RINGS.load(Ordering::Relaxed), ALARMS * WAITERS as u64);
    say!("interrupts: {}", alarm::interrupts() - before);
}

/// Time without a tick: whatever sleeps for how long, the core wakes when something is due.
fn sleeps() {
    let (began, before) = (Virt::now(), alarm::interrupts());
    let sleepers: [_; 4] = core::array::from_fn(|i| {
        rt::go(move || {
            let began = Virt::now();
            let length = Duration::from_millis(10 * (i as u64 + 1));
            rt::sleep(length);
            Virt::now() - began - length.as_nanos() as u64
        })
    });
    let Err(elapsed) = rt::timeout(Duration::from_millis(5), pending::<()>()) else {
        panic!("what never ends came to its end")
    };
    let in_time = rt::timeout(Duration::from_millis(500), alarm(MILLI));
    assert_eq!(in_time, Ok(()));
    let [Ok(a), Ok(b), Ok(c), Ok(d)] = sleepers.map(|sleeper| sleeper.join());
    let length = Virt::now() - began;
    let late = a.max(b).max(c).max(d);
    let interrupts = alarm::interrupts() - before;
    say!("sleep: {length} ns, {interrupts} interrupts, {late} ns late at most; timeout: {elapsed}");
    assert!((40 * MILLI..400 * MILLI).contains(&length), "four sleeps of up to 40 ms: {length} ns");
    assert!(interrupts <= 20, "{interrupts} interrupts for six deadlines: something ticks");
}

/// The handler drops the last waker of a goroutine that has ended, whose stack comes back by it.
fn an_alarm_outlives_its_goroutine() {
    let rings = Virt::now() + 20 * MILLI;
    let left = rt::go(|| {
        let mut alarm = alarm(20 * MILLI);
        // Set, and given up without taking the waker back.
        assert!(rt::timeout(Duration::ZERO, &mut alarm).is_err());
        core::mem::forget(alarm);
    });
    let Ok(()) = left.join();
    let all_but = |missing: usize| {
        let waiting = core::array::from_fn::<_, { GOROUTINES - 1 }, _>(|i| {
            (i < GOROUTINES - 1 - missing)
                .then(|| rt::try_go(|| rt::sleep(Duration::from_micros(50))))
        });
        let more = rt::try_go(|| ()).is_ok();
        for handle in waiting.into_iter().flatten() {
            let Ok(Ok(())) = handle.map(|handle| handle.join()) else {
                panic!("a stack is missing: {missing} should be")
            };
        }
        more
    };
    let held = !all_but(1);
    assert!(held || Virt::now() >= rings, "the waker does not hold the stack");
    rt::sleep(Duration::from_millis(21));
    assert!(!all_but(0), "a goroutine more than there are stacks");
    say!("the stack of an ended goroutine came back by its last waker, in the handler");
}
