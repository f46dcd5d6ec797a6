//! Operations that may suspend, each so that it can be done again and again; on the platform that the program
//! which has this module tests.

use std::sync::Arc;
use std::time::Duration;

use g0_sched::generic::{Case, OnRecv, select, select_deadline, select_timeout};
use g0_sched::select;

use crate::under_test::{
    Barrier, Chan, Condvar, Instant, Mutex, Once, OnceCell, P, Receiver, RwLock, Semaphore, Sender,
    WaitGroup, block_on, channel, current, go, interval, park, scope, sleep, sleep_until, timeout,
    yield_now,
};

const LONG: Duration = Duration::from_secs(3600);

/// One operation, again and again; it is made by the goroutine that uses it.
pub type Op = Box<dyn FnMut()>;
pub type Row = (&'static str, fn() -> Op);

pub fn op(f: impl FnMut() + 'static) -> Op {
    Box::new(f)
}

/// With an end of each kind of a channel that has room, and nothing in it.
pub fn with_channel(f: impl Fn(&Sender<u32>, &Receiver<u32>) + 'static) -> Op {
    let (tx, rx) = channel(4);
    op(move || f(&tx, &rx))
}

pub fn with_chan(f: impl Fn(&Chan<u32, 4>) + 'static) -> Op {
    let chan = Chan::<u32, 4>::new();
    op(move || f(&chan))
}

/// With a goroutine that notifies all the time.
fn with_notices(f: impl Fn(&Mutex<()>, &Condvar) + 'static) -> Op {
    let both = Arc::new((Mutex::new(()), Condvar::new()));
    let notifier = Arc::downgrade(&both);
    drop(go(move || {
        while let Some(both) = notifier.upgrade() {
            both.1.notify_all();
            drop(both);
            yield_now();
        }
    }));
    op(move || f(&both.0, &both.1))
}

fn done() -> Once {
    let once = Once::new();
    once.call_once(|| ());
    once
}

/// What the table says may suspend; each succeeds at once, but for those that have to wait.
pub const MAY: &[Row] = &[
    ("Sender::send", || {
        with_channel(|tx, rx| {
            tx.send(1).unwrap();
            rx.try_recv().unwrap();
        })
    }),
    ("Sender::send_timeout", || {
        with_channel(|tx, rx| {
            tx.send_timeout(1, Duration::ZERO).unwrap();
            rx.try_recv().unwrap();
        })
    }),
    ("Sender::send_deadline", || {
        with_channel(|tx, rx| {
            tx.send_deadline(1, Instant::now()).unwrap();
            rx.try_recv().unwrap();
        })
    }),
    ("Chan::send", || {
        with_chan(|chan| {
            chan.send(1).unwrap();
            chan.try_recv().unwrap();
        })
    }),
    ("Chan::send_timeout", || {
        with_chan(|chan| {
            chan.send_timeout(1, LONG).unwrap();
            chan.try_recv().unwrap();
        })
    }),
    ("Chan::send_deadline", || {
        with_chan(|chan| {
            chan.send_deadline(1, Instant::now()).unwrap();
            chan.try_recv().unwrap();
        })
    }),
    ("Receiver::recv", || {
        with_channel(|tx, rx| {
            tx.try_send(1).unwrap();
            rx.recv().unwrap();
        })
    }),
    ("Receiver::recv_timeout", || {
        with_channel(|_, rx| {
            rx.recv_timeout(Duration::ZERO).unwrap_err();
        })
    }),
    ("Receiver::recv_deadline", || {
        with_channel(|_, rx| {
            rx.recv_deadline(Instant::now()).unwrap_err();
        })
    }),
    ("Receiver::iter", || {
        with_channel(|tx, rx| {
            tx.try_send(1).unwrap();
            assert_eq!(rx.iter().next(), Some(1));
        })
    }),
    ("Chan::recv", || {
        with_chan(|chan| {
            chan.try_send(1).unwrap();
            chan.recv().unwrap();
        })
    }),
    ("Chan::recv_timeout", || {
        with_chan(|chan| {
            chan.recv_timeout(Duration::ZERO).unwrap_err();
        })
    }),
    ("Chan::recv_deadline", || {
        with_chan(|chan| {
            chan.recv_deadline(Instant::now()).unwrap_err();
        })
    }),
    ("select!", || {
        with_channel(|_, rx| {
            select! { recv(rx) -> _ => unreachable!("nothing is sent"), default => () }
        })
    }),
    ("select", || {
        with_channel(|tx, rx| {
            tx.try_send(1).unwrap();
            let mut case = rx.on_recv();
            select::<P>(&mut [&mut case as &mut dyn Case<P>]);
            case.take().unwrap().unwrap();
        })
    }),
    ("select_timeout", || {
        with_channel(|_, rx| {
            let mut case = rx.on_recv();
            assert!(!select_timeout::<P>(&mut [&mut case], Duration::ZERO));
        })
    }),
    ("select_deadline", || {
        with_channel(|_, rx| {
            let mut case = rx.on_recv();
            assert!(!select_deadline::<P>(&mut [&mut case], Instant::now()));
        })
    }),
    ("Mutex::lock", || {
        let lock = Mutex::new(0);
        op(move || *lock.lock().unwrap() += 1)
    }),
    ("Mutex::try_lock_for", || {
        let lock = Mutex::new(0);
        op(move || *lock.try_lock_for(LONG).unwrap() += 1)
    }),
    ("Mutex::try_lock_until", || {
        let lock = Mutex::new(0);
        op(move || *lock.try_lock_until(Instant::now()).unwrap() += 1)
    }),
    ("RwLock::read", || {
        let lock = RwLock::new(0);
        op(move || assert_eq!(*lock.read().unwrap(), 0))
    }),
    ("RwLock::write", || {
        let lock = RwLock::new(0);
        op(move || *lock.write().unwrap() += 1)
    }),
    ("Semaphore::acquire", || {
        let permits = Semaphore::new(1);
        op(move || drop(permits.acquire()))
    }),
    ("Semaphore::acquire_many", || {
        let permits = Semaphore::new(3);
        op(move || drop(permits.acquire_many(3)))
    }),
    ("Semaphore::acquire_timeout", || {
        let permits = Semaphore::new(1);
        op(move || drop(permits.acquire_timeout(LONG).unwrap()))
    }),
    ("Semaphore::acquire_many_timeout", || {
        let permits = Semaphore::new(3);
        op(move || drop(permits.acquire_many_timeout(3, Duration::ZERO).unwrap()))
    }),
    ("Condvar::wait", || {
        with_notices(|lock, condvar| {
            drop(condvar.wait(lock.lock().unwrap()));
        })
    }),
    ("Condvar::wait_while", || {
        with_notices(|lock, condvar| {
            let mut first = true;
            let guard = lock.lock().unwrap();
            drop(condvar.wait_while(guard, |()| std::mem::take(&mut first)));
        })
    }),
    ("Condvar::wait_timeout", || {
        let (lock, condvar) = (Mutex::new(()), Condvar::new());
        op(move || drop(condvar.wait_timeout(lock.lock().unwrap(), Duration::ZERO)))
    }),
    ("Condvar::wait_timeout_while", || {
        let (lock, condvar) = (Mutex::new(()), Condvar::new());
        op(move || {
            let guard = lock.lock().unwrap();
            drop(condvar.wait_timeout_while(guard, Duration::from_nanos(1), |()| true));
        })
    }),
    ("Once::call_once", || {
        let once = done();
        op(move || once.call_once(|| unreachable!("it is done")))
    }),
    ("Once::call_once_force", || {
        let once = done();
        op(move || once.call_once_force(|_| unreachable!("it is done")))
    }),
    ("Once::wait", || {
        let once = done();
        op(move || once.wait())
    }),
    ("Once::wait_force", || {
        let once = done();
        op(move || once.wait_force())
    }),
    ("OnceCell::get_or_init", || {
        let cell = OnceCell::from(1);
        op(move || assert_eq!(*cell.get_or_init(|| 2), 1))
    }),
    ("OnceCell::get_or_try_init", || {
        let cell = OnceCell::from(1);
        op(move || assert_eq!(cell.get_or_try_init(|| Err(())), Ok(&1)))
    }),
    ("OnceCell::set", || {
        let cell = OnceCell::from(1);
        op(move || assert_eq!(cell.set(2), Err(2)))
    }),
    ("OnceCell::wait", || {
        let cell = OnceCell::from(1);
        op(move || assert_eq!(*cell.wait(), 1))
    }),
    ("Barrier::wait", || {
        let barrier = Barrier::new(1);
        op(move || assert!(barrier.wait().is_leader()))
    }),
    ("WaitGroup::wait", || {
        let group = WaitGroup::new();
        op(move || group.wait())
    }),
    ("JoinHandle::join", || op(|| _ = go(|| ()).join())),
    ("ScopedJoinHandle::join", || {
        op(|| {
            scope(|s| _ = s.go(|| ()).join());
        })
    }),
    ("park", || {
        op(|| {
            current().unwrap().unpark();
            park();
        })
    }),
    ("yield_now", || op(yield_now)),
    ("sleep", || op(|| sleep(Duration::ZERO))),
    ("sleep_until", || {
        let past = Instant::now();
        op(move || sleep_until(past))
    }),
    ("Interval::tick", || {
        let mut interval = interval(Duration::from_nanos(1));
        op(move || _ = interval.tick())
    }),
    ("block_on", || op(|| block_on(async {}))),
    ("timeout", || op(|| timeout(Duration::ZERO, async {}).unwrap())),
];

/// The one that may suspend and that the end of the run does not cut.
pub const UNCUT: &[Row] = &[("scope", || op(|| scope(|_| ())))];
