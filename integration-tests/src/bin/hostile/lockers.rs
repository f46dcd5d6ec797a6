//! Goroutines of one thread that have all locked it, and end in any order.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::thread::ThreadId;

use g0_sched::{
    JoinHandle, Receiver, Sender, channel, go, lock_os_thread, sleep, unlock_os_thread,
};

use crate::setup::{Kind, Setup, ms, thread};

/// One that waits for what it is to do.
struct Locker {
    orders: Sender<Order>,
    answers: Receiver<ThreadId>,
    handle: JoinHandle<()>,
}

#[derive(Clone, Copy)]
enum Order {
    Lock,
    Unlock,
    End,
}

impl Locker {
    /// Starts one, and says on which thread it is.
    fn start() -> (ThreadId, Locker) {
        let (orders, order) = channel(0);
        let (answer, answers) = channel(0);
        let handle = go(move || {
            let _ = answer.send(thread());
            while let Ok(order) = order.recv() {
                match order {
                    Order::Lock => lock_os_thread(),
                    Order::Unlock => unlock_os_thread(),
                    Order::End => break,
                }
                let _ = answer.send(thread());
            }
        });
        (answers.recv().expect("it begins"), Locker { orders, answers, handle })
    }

    fn does(&self, order: Order) -> ThreadId {
        assert!(self.orders.send(order).is_ok(), "it waits for orders");
        self.answers.recv().expect("it answers")
    }

    fn ends(self) {
        assert!(self.orders.send(Order::End).is_ok(), "it waits for orders");
        self.handle.join().expect("it ends");
    }
}

/// As many as are wanted, all of one thread where goroutines share them.
fn gather(kind: Kind, want: usize) -> Vec<Locker> {
    let mut by_thread = HashMap::<Option<ThreadId>, Vec<Locker>>::new();
    for _ in 0..100 {
        let (on, locker) = Locker::start();
        let group = by_thread.entry((kind == Kind::Pinned).then_some(on)).or_default();
        group.push(locker);
        if group.len() == want {
            let chosen = std::mem::take(group);
            by_thread.into_values().flatten().for_each(Locker::ends);
            return chosen;
        }
    }
    panic!("no {want} goroutines of one thread");
}

/// What is new runs on none of these.
fn nothing_new_on(locked: &[ThreadId]) {
    let new = (0..10).map(|_| {
        go(|| {
            let first = thread();
            sleep(ms(0));
            [first, thread()]
        })
    });
    for used in new.collect::<Vec<_>>() {
        let used = used.join().expect("it ends");
        assert!(
            used.iter().all(|on| !locked.contains(on)),
            "L2: on a thread that another has locked"
        );
    }
}

/// All locks taken, then each ends when its turn comes, locked or not.
fn end_in_order(kind: Kind, order: &[usize], locked: bool) {
    let lockers = gather(kind, order.len());
    let mut lockers: Vec<_> =
        lockers.into_iter().map(|locker| Some((locker.does(Order::Lock), locker))).collect();
    let still = |lockers: &[Option<(ThreadId, Locker)>]| {
        nothing_new_on(&lockers.iter().flatten().map(|(on, _)| *on).collect::<Vec<_>>());
    };
    still(&lockers);
    for &turn in order {
        let (on, locker) = lockers[turn].take().expect("each ends once");
        if !locked {
            assert_eq!(locker.does(Order::Unlock), on, "it was locked until now");
        }
        locker.ends();
        still(&lockers);
    }
}

/// Two and three, in each order.
pub fn of_one_thread(setup: Setup) -> String {
    const ORDERS: [&[usize]; 8] =
        [&[0, 1], &[1, 0], &[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]];
    for order in ORDERS {
        for locked in [true, false] {
            setup.run(|| end_in_order(setup.kind, order, locked));
        }
    }
    "two and three lockers ended in each order, and nothing new ran on their threads".to_owned()
}
