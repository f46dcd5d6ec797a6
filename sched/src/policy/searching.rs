//! The role of an M that searches: how it takes it, and how it passes it on (L11). See [`search`](super::search).

use crate::objects::inside::{Stay, Within};
use crate::objects::shared::Core;
use crate::parts::light_fence::light_fence;
use crate::platform::Platform;

impl Core {
    /// Counts `m` among the Ms that search.
    pub(super) fn start_searching(&self, m: &Within) {
        // SAFETY: `searching` is the calling thread's.
        unsafe { m.spin.searching.set(true) };
        self.work.hunger.add_searching();
    }

    /// Ends the search of the calling M, if it searches, and passes the role on if no other M does.
    pub(super) fn stop_searching<P: Platform>(&'static self, stay: &Stay) {
        // SAFETY: `searching` is the calling thread's.
        if unsafe { stay.m().spin.searching.replace(false) } {
            // Publishers have left it to this M to find what they published, wherever that is: so the
            // last that stops passes the looking on, while a P is idle.
            let last = self.work.hunger.sub_searching();
            light_fence(self.config.symmetric);
            if last && self.work.hunger.look().idle_ps() != 0 {
                self.wake::<P>();
            }
        }
    }
}
