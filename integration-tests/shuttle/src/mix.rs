//! What the goroutines do: each something of what goroutines can do, chosen at random; and what must
//! hold in the end.
//!
//! Who waits always has somebody who ends it: of senders and receivers of a channel there are as many
//! of the one as of the other. So a schedule in which somebody waits for ever is a lost wake.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use g0_sched::{Platform, RecvTimeoutError, select};
use shuttle::thread;

use crate::platform::{Threads, pass};
use crate::soak::PROCS;

/// The short forms.
#[allow(missing_docs, dead_code)]
mod rt {
    g0_sched::platform!(super::Threads);
}

/// Goroutines that may be locked to their threads at a time, so that there are Ms for all.
pub const LOCKED: usize = 4;
/// Who may hold a permit at a time.
const PERMITS: usize = 3;

/// Numbers at random, the same for a seed.
pub struct Random(pub u64);

impl Random {
    /// The next one, below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        // A generator of Marsaglia's.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

/// What the goroutines share.
struct Board {
    line: rt::Chan<u64, 2>,
    hand: rt::Chan<u64, 0>,
    either: [rt::Chan<u64, 1>; 2],
    silent: rt::Chan<u64, 0>,
    hasty: [rt::Chan<u64, 0>; 2],
    mutex: rt::Mutex<u64>,
    rwlock: rt::RwLock<u64>,
    permits: rt::Semaphore,
    locks: rt::Semaphore,
    group: rt::WaitGroup,
    /// Not the model's: they are no steps of a schedule.
    holders: AtomicUsize,
    /// Ms to which a goroutine is locked.
    reserved: Mutex<Vec<usize>>,
    sent: AtomicU64,
    received: AtomicU64,
    locked: AtomicU64,
    written: AtomicU64,
}

impl Board {
    fn new() -> Self {
        Self {
            line: rt::Chan::new(),
            hand: rt::Chan::new(),
            either: [rt::Chan::new(), rt::Chan::new()],
            silent: rt::Chan::new(),
            hasty: [rt::Chan::new(), rt::Chan::new()],
            mutex: rt::Mutex::new(0),
            rwlock: rt::RwLock::new(0),
            permits: rt::Semaphore::new(PERMITS),
            locks: rt::Semaphore::new(LOCKED),
            group: rt::WaitGroup::new(),
            holders: AtomicUsize::new(0),
            reserved: Mutex::default(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            locked: AtomicU64::new(0),
            written: AtomicU64::new(0),
        }
    }

    fn send(&self, value: u64, send: impl FnOnce(u64)) {
        self.sent.fetch_add(value, Ordering::Relaxed);
        send(value);
    }

    fn receive(&self, value: u64) {
        self.received.fetch_add(value, Ordering::Relaxed);
    }

    /// One goroutine's part, or (senders and receivers) two goroutines'.
    fn start(self: &Arc<Self>, kind: u64, value: u64) {
        match kind {
            0 => {
                self.go(move |b| b.send(value, |v| b.line.send(v).unwrap()));
                self.go(|b| b.receive(b.line.recv().unwrap()));
            }
            1 => {
                self.go(move |b| b.send(value, |v| b.hand.send(v).unwrap()));
                self.go(|b| b.receive(b.hand.recv().unwrap()));
            }
            2 => {
                self.go(move |b| {
                    let [one, other] = &b.either;
                    b.send(value, |v| {
                        select! {
                            send(one, v) -> sent => sent.unwrap(),
                            send(other, v) -> sent => sent.unwrap(),
                        }
                    });
                });
                self.go(|b| {
                    let [one, other] = &b.either;
                    select! {
                        recv(one) -> value => b.receive(value.unwrap()),
                        recv(other) -> value => b.receive(value.unwrap()),
                    }
                });
            }
            3 => self.go(|b| {
                let mut count = b.mutex.lock().unwrap();
                let before = *count;
                if before.is_multiple_of(3) {
                    rt::yield_now();
                }
                *count = before + 1;
                b.locked.fetch_add(1, Ordering::Relaxed);
            }),
            4 => self.go(move |b| {
                if value.is_multiple_of(3) {
                    let mut number = b.rwlock.write().unwrap();
                    let before = *number;
                    rt::yield_now();
                    *number = before + 1;
                    b.written.fetch_add(1, Ordering::Relaxed);
                } else {
                    let number = b.rwlock.read().unwrap();
                    let before = *number;
                    rt::yield_now();
                    assert_eq!(*number, before, "L21: somebody writes while others read");
                }
            }),
            5 => self.go(move |b| {
                let many = 1 + value as usize % PERMITS;
                let permit = match value % 4 {
                    0 => b.permits.acquire_many_timeout(many, Duration::from_nanos(value * 20)),
                    _ => Some(b.permits.acquire_many(many)),
                };
                if permit.is_some() {
                    let before = b.holders.fetch_add(many, Ordering::Relaxed);
                    assert!(before + many <= PERMITS, "L21: more hold permits than there are");
                    rt::yield_now();
                    b.holders.fetch_sub(many, Ordering::Relaxed);
                }
            }),
            6 => self.go(move |_| rt::sleep(Duration::from_nanos(value * 100))),
            7 => self.go(move |b| {
                let result = b.silent.recv_timeout(Duration::from_nanos(value * 50));
                assert_eq!(result, Err(RecvTimeoutError::Timeout), "L20: nobody sends");
            }),
            8 => self.go(move |_| {
                let child = rt::go(move || value * 2);
                assert_eq!(child.join().unwrap_or_else(|never| match never {}), value * 2);
            }),
            9 => {
                self.go(move |b| {
                    let _permit = b.locks.acquire();
                    rt::lock_os_thread();
                    let m = Threads::current();
                    b.reserved.lock().unwrap().push(m.addr());
                    rt::yield_now();
                    b.send(value, |v| b.hand.send(v).unwrap());
                    assert_eq!(m, Threads::current(), "L1: a locked goroutine runs on another M");
                    b.reserved.lock().unwrap().retain(|at| *at != m.addr());
                    rt::unlock_os_thread();
                });
                self.go(|b| b.receive(b.hand.recv().unwrap()));
            }
            10 => {
                // Who is too late has its value back, and who is in time has sent it.
                let which = (value % 2) as usize;
                self.go(move |b| {
                    let patience = Duration::from_nanos(value * 10);
                    if b.hasty[which].send_timeout(value, patience).is_ok() {
                        b.sent.fetch_add(value, Ordering::Relaxed);
                    }
                });
                self.go(move |b| {
                    let [one, other] = &b.hasty;
                    select! {
                        recv(one) -> value => b.receive(value.unwrap()),
                        recv(other) -> value => b.receive(value.unwrap()),
                        default(Duration::from_nanos(value * 10)) => {}
                    }
                });
            }
            11 => self.go(move |_| {
                let most = 1 + value as usize % PROCS;
                // Refused where there are fewer.
                let _ = rt::set_procs(most);
            }),
            _ => self.go(|_| {
                // It computes for longer than it may, and others go on with its P.
                for _ in 0..40 {
                    pass(400_000);
                    thread::yield_now();
                }
                rt::yield_now();
            }),
        }
    }

    /// The caller is locked to no thread.
    fn check(&self) {
        let m = Threads::current().addr();
        assert!(!self.reserved.lock().unwrap().contains(&m), "L2: another one runs on its thread");
    }

    fn go(self: &Arc<Self>, f: impl FnOnce(&Self) + Send + 'static) {
        let board = self.clone();
        self.group.add(1);
        // Detached: the group is what is waited for.
        drop(rt::go(move || {
            board.check();
            f(&board);
            board.check();
            board.group.done();
        }));
    }
}

/// Kinds of parts.
const KINDS: u64 = 13;

/// The main goroutine: starts as many, waits for all, and looks at what has become of it.
pub fn main(goroutines: usize, random: &mut Random) {
    let board = Arc::new(Board::new());
    let mut left = goroutines;
    while left > 0 {
        let kind = random.below(KINDS);
        board.start(kind, random.below(1000) + 1);
        left = left.saturating_sub(if matches!(kind, 0..=2 | 8..=10) { 2 } else { 1 });
        if random.below(16) == 0 {
            rt::yield_now();
        }
    }
    board.group.wait();
    let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
    assert_eq!(load(&board.sent), load(&board.received), "L20: what was sent, what was received");
    assert_eq!(
        *board.mutex.lock().unwrap(),
        load(&board.locked),
        "L21: what one owner did is lost"
    );
    assert_eq!(*board.rwlock.read().unwrap(), load(&board.written), "L21: a write is lost");
    assert_eq!(board.permits.available_permits(), PERMITS, "L21: a permit is lost");
}
