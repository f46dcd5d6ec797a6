//! g0-defer without std: deferred calls in straight-line code and in scopes, on a system where
//! nothing unwinds. Without an allocator a scope's records lie in its frame; with one the fifth
//! record goes there instead of being refused.
#![no_std]
#![no_main]

use core::cell::Cell;

use g0_defer::{DeferError, NoUnwind, Unwind, defer, scope_with};
use nostd_start::check;

nostd_start::program!(main);

/// Remembers in which order calls came: a digit each.
#[derive(Default)]
struct Log(Cell<u32>);

impl Log {
    fn add(&self, digit: u32) {
        self.0.set(self.0.get() * 10 + digit);
    }
}

fn straight_line(log: &Log, leave_early: bool) {
    defer! { log.add(1) }
    if leave_early {
        return;
    }
    defer! { log.add(2) }
    log.add(3);
}

fn scopes() {
    let log = Log::default();
    let result = scope_with::<NoUnwind, _>(|s| {
        for digit in 1..=3 {
            let log = &log;
            s.defer(move || log.add(digit));
        }
        // A deferred call may defer.
        s.defer(|| {
            log.add(4);
            s.defer(|| log.add(5));
        });
        42
    });
    check(3, result == 42);
    check(4, log.0.get() == 45_321);
}

/// The frame has room for four records.
fn fifth_record() {
    let log = Log::default();
    let refused = scope_with::<NoUnwind, _>(|s| {
        for digit in 1..=4 {
            let log = &log;
            s.defer(move || log.add(digit));
        }
        s.try_defer(|| log.add(5)).err().map(|refused| refused.error)
    });
    if cfg!(feature = "alloc") {
        check(5, refused.is_none());
        check(6, log.0.get() == 54_321);
    } else {
        check(5, refused == Some(DeferError::FrameFull));
        check(6, log.0.get() == 4_321);
    }
}

fn main() {
    let log = Log::default();
    straight_line(&log, false);
    check(1, log.0.replace(0) == 321);
    straight_line(&log, true);
    check(2, log.0.get() == 1);

    scopes();
    #[cfg(feature = "alloc")]
    let before = nostd_start::heap_used();
    fifth_record();
    #[cfg(feature = "alloc")]
    check(7, nostd_start::heap_used() > before);

    check(8, NoUnwind::catch(|| 7) == Ok(7) && !NoUnwind::panicking());
}
