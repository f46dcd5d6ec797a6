//! What Gs, Ms and Ps are made of: words, lists and queues that know of none of them.

#[macro_use]
mod macros;

pub(crate) mod adaptive_spin;
pub(crate) mod attention;
pub(crate) mod burst;
pub(crate) mod claim;
pub(crate) mod count;
pub(crate) mod detour;
pub(crate) mod error;
pub(crate) mod exiting;
pub(crate) mod fatal;
pub(crate) mod hunger;
pub(crate) mod ident;
pub(crate) mod inbox;
pub(crate) mod libcall;
pub(crate) mod light_fence;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod locks;
pub(crate) mod nanos;
pub(crate) mod park_token;
pub(crate) mod parker;
pub(crate) mod phase;
pub(crate) mod runq;
pub(crate) mod saved_context;
pub(crate) mod share;
pub(crate) mod stat_atomic;
pub(crate) mod status;
pub(crate) mod tracing;
pub(crate) mod wait_reason;
