//! A pool of things that are dear to make: connections, buffers, workers.

use core::ops::{Deref, DerefMut};

use crate::rt::{Mutex, Permit, Semaphore};

/// Lends each of its things to one user at a time. Who asks when all are out waits, first come, first
/// served.
///
/// > There are never fewer idle things than free permits.
pub struct Pool<T> {
    idle: Mutex<Vec<T>>,
    free: Semaphore,
}

impl<T> Pool<T> {
    /// A pool of these.
    pub fn new(things: impl IntoIterator<Item = T>) -> Self {
        let idle: Vec<T> = things.into_iter().collect();
        Self { free: Semaphore::new(idle.len()), idle: Mutex::new(idle) }
    }

    /// Waits until a thing is idle.
    pub fn lend(&self) -> Lent<'_, T> {
        self.lent(self.free.acquire())
    }

    /// A thing, if one is idle.
    pub fn try_lend(&self) -> Option<Lent<'_, T>> {
        Some(self.lent(self.free.try_acquire()?))
    }

    fn lent<'a>(&'a self, permit: Permit<'a>) -> Lent<'a, T> {
        let thing = self.idle.lock().expect("nobody panics with the list in hand").pop();
        assert!(thing.is_some(), "a permit stands for an idle thing");
        Lent { pool: self, thing, _permit: permit }
    }
}

/// A thing out of a [`Pool`], which it goes back to when this is dropped.
pub struct Lent<'a, T> {
    pool: &'a Pool<T>,
    thing: Option<T>,
    /// Dropped after `drop`: the thing is back before somebody else is let in.
    _permit: Permit<'a>,
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        if let Ok(mut idle) = self.pool.idle.lock() {
            idle.extend(self.thing.take());
        }
    }
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.thing.as_ref().expect("it is lent until the drop")
    }
}

impl<T> DerefMut for Lent<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.thing.as_mut().expect("it is lent until the drop")
    }
}
