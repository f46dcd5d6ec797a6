//! What may go to another thread, and what may be shared.
#![cfg(all(feature = "sched", feature = "std"))]

use std::rc::Rc;

use g0_cgo::generic::LibCall;
use g0_cgo::{Handle, MHandle};
use g0_sched::Hosted;

#[macro_use]
#[path = "../../arch/tests/common/auto_traits.rs"]
mod auto_traits;

#[test]
fn words_travel_and_what_belongs_to_a_thread_stays() {
    // The value of a handle is found by its number, and only one that is `Send` and `Sync` is there.
    assert_is!(Handle<Rc<u8>>: Send, Handle<Rc<u8>>: Sync);
    // Plain data: that the words mean the same elsewhere is the duty of the code that invokes it.
    assert_is!(LibCall<Hosted>: Send, LibCall<Hosted>: Sync);
    assert_is_not!(MHandle: Send, MHandle: Sync);
    let word = Handle::new(5).as_ptr().addr();
    let there = std::thread::spawn(move || {
        Handle::<i32>::from_ptr(std::ptr::without_provenance_mut(word)).release()
    });
    assert_eq!(there.join().expect("no panic"), Ok(std::sync::Arc::new(5)));
}
