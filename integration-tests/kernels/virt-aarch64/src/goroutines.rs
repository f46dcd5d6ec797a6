//! Goroutines that give way, start and end, and meet at channels.

use core::sync::atomic::{AtomicU64, Ordering};

use g0_sched::Platform;

use crate::platform::Virt;
use crate::{GOROUTINES, rt, say};

const YIELDS: u64 = 1_000_000;
const SPAWNS: u64 = 100_000;
const MESSAGES: u64 = 100_000;

/// How often a goroutine came back from a yield.
static TURNS: AtomicU64 = AtomicU64::new(0);
static GROUP: rt::WaitGroup = rt::WaitGroup::new();
static THERE: rt::Chan<u64, 0> = rt::Chan::new();
static BACK: rt::Chan<u64, 0> = rt::Chan::new();
static BUFFERED: rt::Chan<u64, 8> = rt::Chan::new();

/// Prints what `count` operations cost that take place in `f`.
pub fn timed(what: &str, count: u64, f: impl FnOnce()) {
    let began = Virt::now();
    f();
    let ns = (Virt::now() - began).max(1);
    let rate = u128::from(count) * 1_000_000_000 / u128::from(ns);
    say!("{what}: {count} times, {} ns each, {rate} a second", ns / count);
}

/// All of it, on the main goroutine.
pub fn run() {
    yields();
    spawn_and_join();
    round_trips();
    buffered();
}

/// Every stack but main's has a goroutine, and each goes behind the others in turn.
fn yields() {
    const EACH: u64 = YIELDS / (GOROUTINES as u64 - 1);
    const ALL: u64 = EACH * (GOROUTINES as u64 - 1);
    GROUP.add(GOROUTINES - 1);
    timed("yield", ALL, || {
        for _ in 1..GOROUTINES {
            drop(rt::go(|| {
                let mut last = TURNS.load(Ordering::Relaxed);
                for round in 0..EACH {
                    rt::yield_now();
                    let now = TURNS.fetch_add(1, Ordering::Relaxed);
                    assert!(round == 0 || now > last, "nobody ran in between");
                    last = now + 1;
                }
                GROUP.done();
            }));
        }
        assert!(rt::try_go(|| ()).is_err(), "a goroutine more than there are stacks");
        GROUP.wait();
    });
    assert_eq!(TURNS.load(Ordering::Relaxed), ALL);
}

fn spawn_and_join() {
    timed("spawn and join", SPAWNS, || {
        for i in 0..SPAWNS {
            let Ok(next) = rt::go(move || i + 1).join();
            assert_eq!(next, i + 1);
        }
    });
}

/// Two goroutines hand a number to and fro over channels without room.
fn round_trips() {
    let echo = rt::go(|| {
        while let Ok(n) = THERE.recv() {
            assert!(BACK.send(n + 1).is_ok());
        }
    });
    timed("channel round trip", MESSAGES, || {
        let mut n = 0;
        for i in 1..=MESSAGES {
            assert!(THERE.send(n).is_ok());
            n = BACK.recv().unwrap_or(0);
            assert_eq!(n, i);
        }
    });
    assert!(THERE.close().is_ok());
    let Ok(()) = echo.join();
}

/// Four goroutines send into one buffer, until the channel is closed.
fn buffered() {
    timed("buffered channel", MESSAGES, || {
        let senders: [_; 4] = core::array::from_fn(|_| {
            rt::go(|| (0..MESSAGES / 4).for_each(|i| assert!(BUFFERED.send(i).is_ok())))
        });
        let sum: u64 = (0..MESSAGES).map(|_| BUFFERED.recv().unwrap_or(0)).sum();
        assert_eq!(sum, 4 * (MESSAGES / 4) * (MESSAGES / 4 - 1) / 2);
        let [Ok(()), Ok(()), Ok(()), Ok(())] = senders.map(|sender| sender.join());
    });
    assert!(BUFFERED.close().is_ok() && BUFFERED.recv().is_err());
}
