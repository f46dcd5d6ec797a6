//! What may go to another thread, and what may be shared.

use std::marker::PhantomData;
use std::sync::{Arc, MutexGuard};

use g0_stack::{Cache, Class, Depot, Header, Stack, StackError, StackSource};

#[macro_use]
#[path = "../../arch/tests/common/auto_traits.rs"]
mod auto_traits;

/// A source that may be shared and must be dropped by the thread that made it.
struct Fixed(PhantomData<MutexGuard<'static, ()>>);

// SAFETY: it returns no stack.
unsafe impl StackSource for Fixed {
    fn alloc(&self, _: Class) -> Result<Stack, StackError> {
        Err(StackError::Exhausted { stacks: 0 })
    }

    unsafe fn free(&self, _: Stack) {}
}

#[test]
fn stacks_travel_and_depots_do_with_their_sources() {
    assert_is!(Stack: Send, Stack: Sync, Header: Sync, Cache: Send);
    assert_is!(&'static Fixed: StackSource, Depot<&'static Fixed>: Send, Depot<Fixed>: Sync);
    assert_is_not!(Depot<Fixed>: Send);
    // The last owner of an `Arc` may be any thread.
    assert_is_not!(Arc<Fixed>: StackSource);
    let depot = Depot::new(Class::MIN, Fixed(PhantomData));
    let refused = depot.alloc(&mut Cache::new(Class::MIN)).err();
    assert_eq!(refused, Some(StackError::Exhausted { stacks: 0 }));
}
