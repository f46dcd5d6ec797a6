//! The backend in which a context is a thread.
#![cfg(feature = "std")]

use std::ptr;
use std::thread::{self, ThreadId};

use g0_arch::{Arch, ThreadContext, Threads};

struct Pair {
    main: ThreadContext,
    other: ThreadContext,
    ran_on: Option<ThreadId>,
}

unsafe extern "C" fn add_one(mut value: usize, data: *mut u8) -> ! {
    let pair = data.cast::<Pair>();
    loop {
        // SAFETY: the two sides take turns.
        unsafe {
            (*pair).ran_on = Some(thread::current().id());
            value = Threads::switch(&raw mut (*pair).other, (*pair).main, value + 1);
        }
    }
}

#[test]
fn values_pass_both_ways() {
    // Leaked, for the other thread waits in it for ever.
    let p: *mut Pair =
        Box::leak(Box::new(Pair { main: Threads::EMPTY, other: Threads::EMPTY, ran_on: None }));
    // SAFETY: the two sides take turns.
    unsafe {
        (*p).other = Threads::init(ptr::null_mut(), add_one, p.cast());
        for i in 0..1000 {
            assert_eq!(Threads::switch(&raw mut (*p).main, (*p).other, i), i + 1);
        }
        assert_ne!((*p).ran_on, Some(thread::current().id()));
    }
}

unsafe extern "C" fn same_thread(arg: *mut u8) -> usize {
    // SAFETY: the test passes an id.
    let caller = unsafe { *arg.cast::<ThreadId>() };
    usize::from(caller == thread::current().id())
}

#[test]
fn call_on_calls_directly_and_gives_a_slot() {
    let mut id = thread::current().id();
    let mut slot = ptr::null_mut();
    // SAFETY: there is no stack to vouch for.
    let same =
        unsafe { Threads::call_on(ptr::null_mut(), same_thread, (&raw mut id).cast(), &mut slot) };
    assert_eq!(same, 1);
    assert!(!slot.is_null());
}

#[test]
#[should_panic(expected = "cannot drop frames")]
fn escape_is_refused() {
    // SAFETY: it panics before it looks at the slot.
    unsafe { Threads::escape(ptr::null_mut(), 0) }
}
