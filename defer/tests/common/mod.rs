//! An unwinder of a kernel's own, so that scopes are tested without the feature `std` too, and what
//! the tests need to know of the payloads of either.
#![allow(dead_code)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use g0_defer::{Throw, Unwind};

/// One unwinding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Panic(u32),
    Goexit,
}

/// An unwinder whose payloads the tests can make and read.
pub trait Readable: Throw {
    fn payload(id: u32) -> Self::Payload;
    /// Oldest first.
    fn events(payload: Self::Payload) -> Vec<Event>;
}

/// Begins an unwinding.
pub fn begin<U: Readable>(event: Event) -> ! {
    match event {
        Event::Panic(id) => U::throw(U::payload(id)),
        Event::Goexit => U::goexit(),
    }
}

/// What was in flight when `f` ended.
pub fn outcome<U: Readable>(f: impl FnOnce()) -> Vec<Event> {
    U::catch(f).map_or_else(U::events, |()| Vec::new())
}

/// A kernel's own unwinder, which carries a list of events.
pub struct Own;

pub struct OwnPayload(Vec<Event>);

impl Unwind for Own {
    type Payload = OwnPayload;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, OwnPayload> {
        catch_unwind(AssertUnwindSafe(f)).map_err(|any| match any.downcast::<OwnPayload>() {
            Ok(own) => *own,
            Err(other) => resume_unwind(other),
        })
    }

    fn resume(payload: OwnPayload) -> ! {
        resume_unwind(Box::new(payload))
    }

    fn replace(newer: OwnPayload, mut older: OwnPayload) -> OwnPayload {
        older.0.extend(newer.0);
        older
    }

    fn is_goexit(payload: &OwnPayload) -> bool {
        payload.0.last() == Some(&Event::Goexit)
    }

    fn panicking() -> bool {
        std::thread::panicking()
    }
}

impl Throw for Own {
    fn goexit() -> ! {
        Self::throw(OwnPayload(vec![Event::Goexit]))
    }
}

impl Readable for Own {
    fn payload(id: u32) -> OwnPayload {
        OwnPayload(vec![Event::Panic(id)])
    }

    fn events(payload: OwnPayload) -> Vec<Event> {
        payload.0
    }
}

#[cfg(feature = "std")]
impl Readable for g0_defer::Rust {
    fn payload(id: u32) -> g0_defer::Payload {
        Box::new(id)
    }

    fn events(payload: g0_defer::Payload) -> Vec<Event> {
        g0_defer::Panics::of(payload)
            .iter()
            .map(|one| match one.downcast_ref::<u32>() {
                Some(&id) => Event::Panic(id),
                None if one.is::<g0_defer::Goexit>() => Event::Goexit,
                None => panic!("neither a test's panic nor a Goexit"),
            })
            .collect()
    }
}

/// Makes a test of each function, for every unwinder there is.
#[macro_export]
macro_rules! for_each_unwinder {
    ($($test:ident)*) => {
        mod own {
            $(#[test] fn $test() { super::$test::<super::common::Own>() })*
        }
        #[cfg(feature = "std")]
        mod rust {
            $(#[test] fn $test() { super::$test::<g0_defer::Rust>() })*
        }
    };
}
