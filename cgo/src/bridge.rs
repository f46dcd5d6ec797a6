//! The type that the bridge's functions belong to.

use core::convert::Infallible;
use core::marker::PhantomData;

/// The bridge of one runtime; a name for its functions, never a value.
///
/// A program gives its own a short alias: `type C = g0_cgo::Bridge<MyRuntime>;`, then `C::call(|| ..)`.
#[derive(Debug)]
pub struct Bridge<R>(Infallible, PhantomData<R>);
