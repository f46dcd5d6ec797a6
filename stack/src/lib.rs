#![no_std]
//! stacks
#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod cache;
mod class;
mod error;
mod header;
#[cfg(feature = "alloc")]
mod heap;
mod idle;
mod list;
#[cfg(all(feature = "std", target_os = "linux"))]
pub mod overflow;
mod paint;
mod pool;
#[cfg(all(feature = "std", target_os = "linux"))]
mod slab;
mod source;
mod static_source;

pub use cache::Cache;
pub use class::Class;
pub use error::StackError;
pub use header::Header;
#[cfg(feature = "alloc")]
pub use heap::HeapSource;
pub use pool::Pool;
#[cfg(all(feature = "std", target_os = "linux"))]
pub use slab::{SlabBuilder, SlabSource};
pub use source::{Stack, StackSource};
pub use static_source::StaticSource;
