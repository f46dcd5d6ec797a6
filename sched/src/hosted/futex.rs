//! Parking by futex, and the clock.

use std::sync::atomic::Ordering;

use crate::parts::parker::Parker;

const EMPTY: u32 = 0;
const TOKEN: u32 = 1;
const WAITING: u32 = 2;

/// See [`Platform::park`](crate::Platform::park).
pub(super) fn park(parker: &Parker, deadline: Option<u64>) -> bool {
    let word = &parker.word;
    loop {
        // Acquire: pairs with `unpark`.
        let seen = word.compare_exchange(EMPTY, WAITING, Ordering::Acquire, Ordering::Acquire);
        if seen == Err(TOKEN) {
            word.store(EMPTY, Ordering::Relaxed);
            return true;
        }
        let timeout = deadline.map(timespec);
        let timeout = timeout.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
        // SAFETY: the word and the timeout live for the length of the call. An absolute timeout
        // on the monotonic clock: FUTEX_WAIT_BITSET.
        let rc = unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG,
                WAITING,
                timeout,
                core::ptr::null::<u32>(),
                libc::FUTEX_BITSET_MATCH_ANY,
            )
        };
        // SAFETY: errno is this thread's.
        let timed_out = rc == -1 && unsafe { *libc::__errno_location() } == libc::ETIMEDOUT;
        let token = word.swap(EMPTY, Ordering::Acquire) == TOKEN;
        if token || timed_out {
            return token;
        }
    }
}

/// See [`Platform::unpark`](crate::Platform::unpark).
pub(super) fn unpark(parker: &Parker) {
    let word = parker.word.as_ptr();
    // Release: what was done before is visible to the woken. From here on only the word's
    // address is used: the parker may be gone.
    if parker.word.swap(TOKEN, Ordering::AcqRel) == WAITING {
        // SAFETY: a wake on an address that no thread waits on, or that is gone, does nothing.
        unsafe {
            libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1);
        }
    }
}

/// Lets the calling thread's timeouts not be put off: the kernel would add up to 50 µs, to wake several
/// threads at once, and the scheduler wakes one thread for all its timers.
pub(super) fn wake_on_time() {
    const NANOSECOND: libc::c_ulong = 1;
    // SAFETY: it concerns this thread's timer slack alone. It cannot fail, but on kernels without it,
    // which have none.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, NANOSECOND) };
}

/// Returns the time of the monotonic clock, nanoseconds.
pub(super) fn now() -> u64 {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the buffer is this function's.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut ts) };
    ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64
}

fn timespec(ns: u64) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(ns / 1_000_000_000).unwrap_or(libc::time_t::MAX),
        tv_nsec: (ns % 1_000_000_000) as libc::c_long,
    }
}
