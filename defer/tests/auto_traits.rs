//! What may go to another thread, and what may be shared.
#![cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(windows)))]

use g0_defer::{Cache, Depot, Memory, NoUnwind, Recovering, Scope, Thrown, Uncached};

#[macro_use]
#[path = "../../arch/tests/common/auto_traits.rs"]
mod auto_traits;

#[test]
fn what_is_thrown_travels_and_scopes_stay() {
    // Each panic in it is `Send`; shared, it would show them to two threads.
    assert_is!(Thrown<Uncached>: Send);
    assert_is_not!(Thrown<Uncached>: Sync);
    assert_is!(Memory<4>: Sync, Depot: Sync, Cache: Send);
    // The calls in a scope's chain need not be `Send`.
    assert_is_not!(Scope<'static, 'static>: Send, Scope<'static, 'static>: Sync);
    assert_is_not!(Recovering<'static, 'static, NoUnwind>: Send, Recovering<'static, 'static, NoUnwind>: Sync);
}
