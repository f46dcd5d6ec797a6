//! What may go to another thread, and what may be shared: by the value, and by all else that travels with it.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::rc::Rc;

use g0_sched::generic::{
    Buffer, Chan, Goroutine, JoinHandle, Mutex, MutexGuard, OnceCell, Receiver, RwLock,
    RwLockReadGuard, RwLockWriteGuard, ScopedJoinHandle, Sender,
};
use g0_sched::{Hosted, Runtime, Watch};

#[macro_use]
#[path = "../../arch/tests/common/auto_traits.rs"]
mod auto_traits;

/// Neither `Send` nor `Sync`.
type Tied = Rc<u8>;
/// `Send`, not `Sync`.
type Lone = Cell<u8>;
/// `Sync`, not `Send`.
type Fixed = std::sync::MutexGuard<'static, u8>;

/// Room for values, and more: counts how often it was looked at.
struct Counting<C> {
    _looks: C,
    slots: [MaybeUninit<u8>; 2],
}

// SAFETY: the slots lie in the buffer.
unsafe impl<C> Buffer<u8> for Counting<C> {
    fn slots(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.slots
    }
}

#[test]
fn channels_travel_with_their_values_and_their_buffers() {
    type Over<C> = Chan<u8, Hosted, Counting<C>>;
    type Of<T> = Chan<T, Hosted, [MaybeUninit<T>; 2]>;
    assert_is!(Over<u8>: Send, Over<u8>: Sync, Over<Lone>: Send, Over<Lone>: Sync);
    assert_is_not!(Over<Tied>: Send, Over<Tied>: Sync, Over<Fixed>: Send, Over<Fixed>: Sync);
    assert_is!(Of<Lone>: Send, Of<Lone>: Sync);
    assert_is_not!(Of<Tied>: Send, Of<Tied>: Sync, Of<Fixed>: Send, Of<Fixed>: Sync);
    assert_is!(Sender<Lone, Hosted>: Send, Receiver<Lone, Hosted>: Sync);
    assert_is_not!(Sender<Tied, Hosted>: Send, Sender<Fixed, Hosted>: Sync);
    assert_is_not!(Receiver<Tied, Hosted>: Send, Receiver<Fixed, Hosted>: Sync);
    // A channel that stays on its thread may have any buffer.
    let chan: Over<Tied> = Chan::with_buffer(Counting {
        _looks: Rc::new(0),
        slots: [const { MaybeUninit::uninit() }; 2],
    });
    chan.try_send(7).expect("there is room");
    assert_eq!(chan.try_recv(), Ok(7));
}

#[test]
fn handles_travel_with_their_outcomes() {
    assert_is!(JoinHandle<Lone, Hosted>: Send, JoinHandle<Lone, Hosted>: Sync);
    assert_is_not!(JoinHandle<Tied, Hosted>: Send, JoinHandle<Tied, Hosted>: Sync);
    assert_is_not!(JoinHandle<Fixed, Hosted>: Send, JoinHandle<Fixed, Hosted>: Sync);
    assert_is!(ScopedJoinHandle<'static, Lone, Hosted>: Send);
    assert_is_not!(ScopedJoinHandle<'static, Tied, Hosted>: Send);
    assert_is!(Goroutine<Hosted>: Send, Goroutine<Hosted>: Sync);
    assert_is!(Runtime: Send, Watch: Send, Watch: Sync);
}

#[test]
fn locks_and_their_guards_travel_with_their_values() {
    assert_is!(Mutex<Lone, Hosted>: Send, Mutex<Lone, Hosted>: Sync);
    assert_is_not!(Mutex<Tied, Hosted>: Send, Mutex<Fixed, Hosted>: Send);
    assert_is_not!(Mutex<Tied, Hosted>: Sync, Mutex<Fixed, Hosted>: Sync);
    assert_is!(MutexGuard<'static, Lone, Hosted>: Send, MutexGuard<'static, Fixed, Hosted>: Sync);
    assert_is_not!(MutexGuard<'static, Fixed, Hosted>: Send, MutexGuard<'static, Lone, Hosted>: Sync);

    assert_is!(RwLock<Lone, Hosted>: Send);
    assert_is_not!(RwLock<Tied, Hosted>: Send, RwLock<Fixed, Hosted>: Send);
    assert_is_not!(RwLock<Lone, Hosted>: Sync, RwLock<Fixed, Hosted>: Sync);
    type Reads<T> = RwLockReadGuard<'static, T, Hosted>;
    type Writes<T> = RwLockWriteGuard<'static, T, Hosted>;
    assert_is!(Reads<Fixed>: Send, Reads<Fixed>: Sync, Writes<Fixed>: Sync);
    assert_is_not!(Reads<Lone>: Send, Reads<Lone>: Sync, Writes<Lone>: Sync);
    assert_is_not!(Writes<Lone>: Send, Writes<Fixed>: Send);

    assert_is!(OnceCell<Lone, Hosted>: Send, OnceCell<u8, Hosted>: Sync);
    assert_is_not!(OnceCell<Tied, Hosted>: Send, OnceCell<Fixed, Hosted>: Send);
    assert_is_not!(OnceCell<Lone, Hosted>: Sync, OnceCell<Fixed, Hosted>: Sync);
}
