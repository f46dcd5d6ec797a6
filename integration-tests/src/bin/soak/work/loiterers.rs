//! Those who wait for what does not come, wherever one can wait: shutdown ends them, and what they
//! own is dropped.

use std::sync::Arc;
use std::time::Duration;

use g0_sched::{
    Barrier, Condvar, Instant, Mutex, PoisonError, RwLock, Semaphore, WaitGroup, block_on, channel,
    go, park, select, sleep, sleep_until,
};

use crate::books::Counted;
use crate::crew::{Crew, give_way};

const HOUR: Duration = Duration::from_secs(3600);

/// What stays as it is: nobody sends, releases or notifies.
struct Nothing {
    mutex: Mutex<()>,
    locked: RwLock<()>,
    condvar: Condvar,
    semaphore: Semaphore,
    barrier: Barrier,
    group: WaitGroup,
}

pub fn hire(crew: &mut Crew) {
    let nothing = Arc::new(Nothing {
        mutex: Mutex::new(()),
        locked: RwLock::new(()),
        condvar: Condvar::new(),
        semaphore: Semaphore::new(0),
        barrier: Barrier::new(usize::MAX),
        group: WaitGroup::new(),
    });
    nothing.group.add(1);
    let (tx, rx) = channel::<Counted>(0);
    for _ in 0..crew.random.between(1, 30) {
        let (nothing, tx, rx, value) = (nothing.clone(), tx.clone(), rx.clone(), crew.drops.one());
        let (kind, length) = (crew.random.below(16), HOUR + crew.random.moment());
        let other = crew.drops.one();
        crew.keep_waiting(move |desk| {
            // Ends of both kinds stay with each of them: nobody closes the channel.
            let ends = (tx.clone(), rx.clone());
            let none: Option<&g0_sched::Receiver<Counted>> = None;
            match kind {
                0 => {
                    desk.at(&"select nothing");
                    select! {}
                }
                1 => {
                    desk.at(&"select what is not there");
                    select! {
                        recv(none) -> _ => {}
                        default(length) => {}
                    }
                }
                2 => sleep(length),
                3 => sleep_until(Instant::END),
                4 => park(),
                5 => drop(block_on(std::future::pending::<Counted>())),
                6 => drop(g0_sched::timeout(length, std::future::pending::<Counted>())),
                7 => drop(nothing.semaphore.acquire()),
                8 => drop(nothing.semaphore.acquire_timeout(length)),
                9 => drop(nothing.barrier.wait()),
                10 => nothing.group.wait(),
                11 => {
                    // Poisoned by one of the next kind, when that is unwound first.
                    let guard = nothing.mutex.lock().unwrap_or_else(PoisonError::into_inner);
                    drop(nothing.condvar.wait(guard));
                }
                12 => {
                    // Holds two locks, for which others of this kind wait.
                    let _one = nothing.locked.write();
                    let _two = nothing.mutex.lock();
                    sleep(length);
                }
                13 => {
                    let waits = go(move || {
                        let _value = value;
                        sleep(length);
                    });
                    drop(waits.join());
                    drop((other, ends));
                }
                14 => select! {
                    recv(none) -> _ => {}
                    default(HOUR) => drop(value),
                },
                _ => {
                    // Receivers do not meet senders here: all of this kind send.
                    desk.at(&"send");
                    select! {
                        send(tx, value) -> _ => {}
                        send(ends.0, other) -> _ => {}
                    }
                }
            }
        });
    }
    // Until some of them wait, and some are just about to.
    for _ in 0..crew.random.below(60) {
        give_way();
    }
}
