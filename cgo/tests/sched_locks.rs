//! Locks on the system stack: what need not wait is done there, what has to panics, and what is
//! released there wakes.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{on_every_runtime, panic_text, yield_until};
use g0_cgo::call;
use g0_sched::{
    Barrier, Condvar, JoinHandle, Mutex, Once, OnceCell, RwLock, Semaphore, channel, go, yield_now,
};

/// Starts `waits` and gives it time to queue.
fn queued<T: Send + 'static>(waits: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let (tx, rx) = channel::<()>(0);
    let handle = go(move || {
        tx.send(()).unwrap();
        waits()
    });
    rx.recv().unwrap();
    (0..5).for_each(|_| yield_now());
    handle
}

#[test]
fn what_is_free_is_taken_and_what_is_not_panics() {
    on_every_runtime(2, || {
        let said = |what: &str, f: &mut (dyn FnMut() + Send)| {
            let text = call(|| panic_text(f));
            assert!(text.contains("on the system stack"), "{what}: {text}");
        };
        let second = Duration::from_secs(1);

        let lock = Mutex::new(1);
        call(|| *lock.lock().unwrap() += 1);
        let held = lock.lock().unwrap();
        said("lock", &mut || drop(lock.lock()));
        said("try_lock_for", &mut || drop(lock.try_lock_for(second)));
        assert!(call(|| lock.try_lock().is_err()));
        drop(held);

        let changed = Condvar::new();
        call(|| changed.notify_all());
        said("Condvar::wait", &mut || drop(changed.wait(lock.lock().unwrap())));
        lock.clear_poison();
        assert_eq!(*lock.try_lock().expect("released by the panic"), 2);

        let lock = RwLock::new(1);
        call(|| *lock.write().unwrap() += 1);
        let held = lock.read().unwrap();
        assert_eq!(call(|| *lock.read().unwrap()), 2);
        said("write", &mut || drop(lock.write()));
        drop(held);
        let held = lock.write().unwrap();
        said("read", &mut || drop(lock.read()));
        drop(held);

        let semaphore = Semaphore::new(1);
        call(|| drop(semaphore.acquire()));
        said("acquire_many", &mut || drop(semaphore.acquire_many(2)));
        said("acquire_many_timeout", &mut || drop(semaphore.acquire_many_timeout(2, second)));
        call(|| semaphore.release(1)).unwrap();
        assert_eq!(call(|| semaphore.available_permits()), 2);

        let (once, cell) = (Once::new(), OnceCell::new());
        said("call_once", &mut || once.call_once(|| ()));
        said("get_or_init", &mut || _ = cell.get_or_init(|| 1));
        once.call_once(|| ());
        cell.set(3).unwrap();
        call(|| once.call_once(|| unreachable!("it has been done")));
        assert_eq!(call(|| *cell.get_or_init(|| 4)), 3);

        let barrier = Barrier::new(1);
        said("Barrier::wait", &mut || _ = barrier.wait());
    });
}

#[test]
fn what_is_released_on_the_system_stack_wakes() {
    on_every_runtime(2, || {
        let lock = Arc::new(Mutex::new(0));
        let (theirs, held) = (lock.clone(), lock.lock().unwrap());
        let waits = queued(move || *theirs.lock().unwrap() += 1);
        call(|| drop(held));
        waits.join().unwrap();
        assert_eq!(*lock.lock().unwrap(), 1);

        let lock = Arc::new(RwLock::new(0));
        let (theirs, held) = (lock.clone(), lock.write().unwrap());
        let waits = queued(move || *theirs.read().unwrap());
        call(|| drop(held));
        waits.join().unwrap();

        let semaphore = Arc::new(Semaphore::new(1));
        let (theirs, held) = (semaphore.clone(), semaphore.acquire());
        let waits = queued(move || theirs.acquire_many(2).forget());
        call(|| {
            drop(held);
            semaphore.release(1).unwrap();
        });
        waits.join().unwrap();

        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = pair.clone();
        let waits = queued(move || {
            drop(theirs.1.wait_while(theirs.0.lock().unwrap(), |ready| !*ready).unwrap());
        });
        yield_until("it waits", || pair.0.try_lock().is_ok());
        call(|| {
            *pair.0.try_lock().expect("nobody else is there") = true;
            pair.1.notify_one();
        });
        waits.join().unwrap();
    });
}
