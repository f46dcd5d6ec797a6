//! What the hosted platform keeps for a scheduler, beside its core.

use std::sync::{Arc, OnceLock};

use super::offload_pool::Pool;
use super::site_stats::Sites;
use crate::objects::shared::Core;

/// The companion of one scheduler's core.
#[derive(Default)]
pub(super) struct Companion {
    pool: OnceLock<Arc<Pool>>,
    /// How much stack goroutines use, if that is measured. Outlives the core, in a watch.
    pub(super) sites: Arc<Sites>,
}

impl Companion {
    /// Returns that of `core`, made now if there is none yet.
    pub(super) fn of(core: &Core) -> &Self {
        let companion = core.companion.get_or_init(|| Arc::new(Self::default()));
        let companion = companion.downcast_ref();
        companion.unwrap_or_else(|| unreachable!("a core has one kind of companion"))
    }

    /// Returns the pool of `core` for what is offloaded, made now if there is none yet: then of `most` threads.
    pub(super) fn found_pool(core: &'static Core, most: usize) -> Arc<Pool> {
        Self::of(core).pool.get_or_init(|| Arc::new(Pool::new(core, most))).clone()
    }

    /// Returns the pool of `core` for what is offloaded, if there is one.
    pub(super) fn pool(core: &Core) -> Option<Arc<Pool>> {
        Self::of(core).pool.get().cloned()
    }
}
