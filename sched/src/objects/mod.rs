//! G, M and P, and what a scheduler shares among them.
//!
//! Of stacks: which classes there are is in [`shared`]; where [`segments`] come from, and what each P has of them; and
//! how far sysmon's sweep over parked goroutines has come ([`shrink`]).

pub(crate) mod config;
pub(crate) mod extras;
pub(crate) mod g;
pub(crate) mod inside;
pub(crate) mod join_word;
pub(crate) mod local;
pub(crate) mod m;
pub(crate) mod mlist;
pub(crate) mod owned_p;
pub(crate) mod p;
pub(crate) mod registry;
pub(crate) mod report;
pub(crate) mod round;
pub(crate) mod scope_state;
pub(crate) mod segments;
pub(crate) mod shared;
pub(crate) mod shrink;
pub(crate) mod timers;
pub(crate) mod waiter;
pub(crate) mod wheel;
