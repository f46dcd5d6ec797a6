//! A future that the timer's interrupt wakes. It knows wakers and nothing of goroutines.

use core::cell::RefCell;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll, Waker};

use critical_section::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use g0_sched::Platform;

use crate::interrupts::interrupt_at;
use crate::platform::Virt;

/// Alarms that are set at a time.
const MOST: usize = 16;

struct Set {
    /// Whose it is.
    number: u64,
    at: u64,
    waker: Waker,
}

static SET: Mutex<RefCell<[Option<Set>; MOST]>> = Mutex::new(RefCell::new([const { None }; MOST]));

/// The number of the next alarm.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Told by the handler: the number of interrupts so far.
pub static RUNG: Signal<CriticalSectionRawMutex, u64> = Signal::new();

static INTERRUPTS: Mutex<RefCell<u64>> = Mutex::new(RefCell::new(0));

/// The timer's interrupts so far.
pub fn interrupts() -> u64 {
    critical_section::with(|cs| *INTERRUPTS.borrow_ref(cs))
}

/// Ready at a time; see [`alarm`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Alarm {
    number: u64,
    at: u64,
}

/// Ready `ns` nanoseconds from now.
pub fn alarm(ns: u64) -> Alarm {
    Alarm { number: NUMBER.fetch_add(1, Ordering::Relaxed), at: Virt::now() + ns }
}

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Virt::now() >= self.at {
            return Poll::Ready(());
        }
        let new = Set { number: self.number, at: self.at, waker: context.waker().clone() };
        let old = critical_section::with(|cs| {
            let mut set = SET.borrow_ref_mut(cs);
            let place =
                place_of(&*set, self.number).or_else(|| set.iter().position(Option::is_none));
            let Some(place) = place else { panic!("more than {MOST} alarms at a time") };
            let old = set[place].replace(new);
            interrupt_at(first(&*set));
            old
        });
        drop(old);
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let old = critical_section::with(|cs| {
            let mut set = SET.borrow_ref_mut(cs);
            place_of(&*set, self.number).and_then(|place| set[place].take())
        });
        drop(old);
    }
}

fn place_of(set: &[Option<Set>], number: u64) -> Option<usize> {
    set.iter().position(|set| set.as_ref().is_some_and(|set| set.number == number))
}

fn first(set: &[Option<Set>]) -> u64 {
    set.iter().flatten().map(|set| set.at).min().unwrap_or(u64::MAX)
}

/// The first alarm's time, nanoseconds; the end of time without any.
pub fn next() -> u64 {
    critical_section::with(|cs| first(&*SET.borrow_ref(cs)))
}

/// The handler's part: wakes whose time has come, and sets the timer for the others.
pub fn ring() {
    let now = Virt::now();
    let count = critical_section::with(|cs| {
        for place in SET.borrow_ref_mut(cs).iter_mut() {
            if let Some(due) = place.take_if(|set| set.at <= now) {
                due.waker.wake();
            }
        }
        interrupt_at(first(&*SET.borrow_ref(cs)));
        let mut count = INTERRUPTS.borrow_ref_mut(cs);
        *count += 1;
        *count
    });
    RUNG.signal(count);
}
