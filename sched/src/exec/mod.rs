//! The executor: it does what the core decides, by switching stacks.
//!
//! Models of whole schedulers run it as it is; in those of the core the model's threads call that themselves.

pub(crate) mod cancel;
pub(crate) mod deadline;
pub(crate) mod enter;
pub(crate) mod exit;
pub(crate) mod g0;
pub(crate) mod interrupt;
pub(crate) mod machine;
pub(crate) mod park;
pub(crate) mod refs;
pub(crate) mod spawn;
pub(crate) mod switch;
pub(crate) mod uncaught;
pub(crate) mod wake;
pub(crate) mod yields;
