//! Time: sleeping, deadlines, ticks.
//!
//! Times are nanoseconds on the platform's clock ([`Platform::now`](crate::Platform::now)), which
//! never goes back. A sleep allocates nothing and takes no lock but that of its P's wheel
//! (`objects::wheel`, `policy::timers`).
//!
//! ```text
//!   the goroutine                       the step after it parked     the M that looks at the P's timers
//!   a timer on its own stack
//!   park ─────────────────────────────▶ arm: into the P's wheel ───▶ fire: out of the wheel,
//!   goes on ◀──────────────────────────────────────────────────────── claim, make ready
//! ```
//!
//! A wait for something else with a deadline has such a timer beside its place in a queue; the claim in
//! `crate::wait::waiter` settles which of the two ends it. A thread that is no M gives its deadline to
//! the platform's park.
//!
//! | asked for | what happens |
//! |---|---|
//! | a length of zero, a time that has passed | the call returns at once, without giving way |
//! | a length beyond the end of time | the end of time, which never comes |
//! | a clock that stands still | nothing is due; all else goes on |
//! | a clock that jumps back | what was to come before the jump comes when the clock is there again; what is asked for from then on is not held up by that |
//! | a clock that jumps ahead | all that has become due comes at once |

mod instant;
mod interval;
mod sleep;
mod timeout;

pub use instant::Instant;
pub use interval::{Interval, interval};
pub use sleep::{sleep, sleep_until};
pub use timeout::{Elapsed, timeout};
