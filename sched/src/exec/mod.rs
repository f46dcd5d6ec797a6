//! The executor: it does what the policy decides, by switching stacks.
//!
//! Models of whole schedulers run it as it is; in models of the policy the model's threads call the policy
//! themselves.
//!
//! Three files are about a goroutine's stacks. [`segments`] lets them grow, and takes back what a goroutine keeps when it
//! parks or ends (L14); [`detour`] is where a switch comes out while pages of a stack are being given back (L27). How deep
//! the stacks come, [`measure`] tells the platform if it is asked to.

pub(crate) mod acquire;
mod cancel;
pub(crate) mod conduct;
pub(crate) mod current;
pub(crate) mod deadline;
pub(crate) mod detour;
pub(crate) mod enter;
pub(crate) mod exit;
pub(crate) mod g0;
pub(crate) mod handles;
pub(crate) mod inside;
pub(crate) mod interrupt;
pub(crate) mod machine;
pub(crate) mod measure;
pub(crate) mod obey;
pub(crate) mod park;
mod post_switch;
pub(crate) mod refs;
mod schedule;
pub(crate) mod segments;
mod settle;
pub(crate) mod spawn;
pub(crate) mod suspend;
mod switch;
pub(crate) mod uncaught;
pub(crate) mod wake;
pub(crate) mod yields;
