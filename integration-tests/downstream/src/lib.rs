//! A pool and a pipeline, made of what g0 publishes; and, in `tests/model.rs`, the proof by loom that
//! they are right, as far as loom looks.

pub mod pipeline;
pub mod pool;

/// What this project takes from g0, and the one place that knows of models.
#[allow(missing_docs)] // they are documented where they come from
pub mod rt {
    #[cfg(not(loom))]
    g0_sched::platform!(g0_sched::Hosted);
    #[cfg(loom)]
    g0_sched::platform!(g0_sched::model::Threads);
}
