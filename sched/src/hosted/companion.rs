//! What the hosted platform keeps for a scheduler, beside its core.

use std::sync::{Arc, OnceLock};

use super::offload_pool::Pool;
use super::site_stats::Sites;
use crate::objects::shared::Core;

/// The companion of one scheduler's core.
#[derive(Default)]
pub(super) struct Companion {
    /// The threads for what is offloaded, from the first use on.
    pub(super) pool: OnceLock<Arc<Pool>>,
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
}
