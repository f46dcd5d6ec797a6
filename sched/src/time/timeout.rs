//! A future with a deadline.

use core::fmt;
use core::future::IntoFuture;
use core::pin::pin;
use core::time::Duration;

use super::instant::Instant;
use crate::platform::Platform;

/// The time was up before the future came to its end; see [`timeout`](crate::generic::timeout).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up before the future came to its end")
    }
}

impl core::error::Error for Elapsed {}

/// As [`block_on`](crate::generic::block_on), for `length` at most: then the future is dropped.
///
/// It is polled before the clock is asked, so what is ready comes to its end whatever the length;
/// with a length of zero it is polled once. A length beyond the end of time is none. A poll that
/// does not return is not interrupted.
///
/// # Errors
///
/// [`Elapsed`] when the time was up.
///
/// # Panics
///
/// As [`block_on`](crate::generic::block_on).
pub fn timeout<P: Platform, F: IntoFuture>(
    length: Duration,
    future: F,
) -> Result<F::Output, Elapsed> {
    let deadline = match length.is_zero() {
        // Passed, whatever the clock says.
        true => Some(0),
        false => Some(Instant::<P>::after(length).as_nanos()).filter(|&at| at != u64::MAX),
    };
    crate::task::run::<P, _>(pin!(future.into_future()), deadline).ok_or(Elapsed(()))
}
