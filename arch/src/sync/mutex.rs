//! A spin lock that does not spin for ever.
//!
//! It is for the few instructions in which several words have to change together, never around an
//! allocation, a system call or a call of foreign code. Even so its holder may be
//! descheduled by the system, and then spinning burns the time that the holder needs: so waiters
//! back off, and with the feature `std` give the thread up after some rounds. On bare metal
//! there is no thread to give it to; there the caller must keep interrupts off while it holds the lock.
//!
//! There is no poisoning: what runs under it does not panic.

#[cfg(all(loom, not(g0_shuttle)))]
use loom::sync as lock;
#[cfg(all(loom, g0_shuttle))]
use shuttle::sync as lock;
#[cfg(not(loom))]
use spin::mutex as lock;

/// Releases the lock when dropped.
pub type MutexGuard<'a, T> = lock::MutexGuard<'a, T>;

/// A lock for a bounded number of instructions; a word and the value.
#[derive(Debug, Default)]
pub struct Mutex<T>(lock::Mutex<T>);

impl<T> Mutex<T> {
    crate::const_unless_loom! {
        /// Returns an open lock. `const` except under loom, where the model registers it.
        #[inline]
        pub fn new(value: T) -> Self {
            Mutex(lock::Mutex::new(value))
        }
    }

    /// Takes the lock, waiting as long as it takes.
    #[cfg(not(loom))]
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        if let Some(guard) = self.0.try_lock() {
            return guard;
        }
        self.lock_contended()
    }

    #[cfg(not(loom))]
    #[cold]
    fn lock_contended(&self) -> MutexGuard<'_, T> {
        let backoff = super::Backoff::new();
        loop {
            // Look before trying: a read keeps the line shared, a failed swap takes it away
            // from the holder.
            while self.0.is_locked() {
                backoff.snooze();
            }
            if let Some(guard) = self.0.try_lock() {
                return guard;
            }
        }
    }

    /// Takes the lock, waiting as long as it takes.
    #[cfg(loom)]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }

    /// Takes the lock if it is free; returns none if it is held.
    #[cfg(not(loom))]
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock()
    }

    /// Takes the lock if it is free; returns none if it is held.
    #[cfg(loom)]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }

    /// Returns the value, without locking: `&mut self` says that there is no other user.
    #[cfg(not(loom))]
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Returns the value, without locking: `&mut self` says that there is no other user.
    #[cfg(loom)]
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap()
    }

    /// Returns the value, taken out.
    #[cfg(not(loom))]
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// Returns the value, taken out.
    #[cfg(loom)]
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap()
    }
}
