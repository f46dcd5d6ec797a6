//! Hints to the processor, or to the model.

#[cfg(not(loom))]
pub use core::hint::spin_loop;
#[cfg(all(loom, not(g0_shuttle)))]
pub use loom::hint::spin_loop;
#[cfg(all(loom, g0_shuttle))]
pub use shuttle::hint::spin_loop;
