//! A goroutine as sysmon's sweep sees it, for models: its status, and where it goes on. The steps are the shipped ones.

use g0_arch::sync::atomic::Ordering;

use crate::parts::detour::{Detour, Resume};
use crate::parts::status::{self, Status};
use crate::platform::Platform;
use crate::policy::batch::{Diverted, batch};

/// A goroutine that is parked at first.
#[derive(Debug)]
pub struct Parked {
    status: Status,
    word: Resume,
}

impl Parked {
    /// Returns a goroutine that is parked at `sp`.
    pub fn new(sp: *mut u8) -> Self {
        let this = Self { status: Status::new(), word: Resume::new(sp) };
        this.status.set(status::PARKED);
        this
    }

    /// Makes it ready, as a waker does.
    pub fn ready(&self) {
        self.status.set(status::RUNNABLE);
    }

    /// Returns where it goes on, as the M reads it that resumes it.
    pub fn take(&self) -> *mut u8 {
        self.word.take(true)
    }

    /// It parks: the switch away from it, and the post-switch step.
    pub fn park(&self, sp: *mut u8) {
        self.word.set(sp);
        self.status.set(status::PARKED);
    }

    /// Diverts it by `detour`, as sysmon does.
    ///
    /// # Safety
    ///
    /// As [`Detour::divert`].
    pub unsafe fn divert(&self, detour: &Detour, entrance: *mut u8) -> bool {
        let one = Diverted { word: &self.word, status: &self.status, detour };
        // SAFETY: as the caller ensures.
        unsafe { one.divert(|_| Some(entrance)) }
    }

    /// A batch of this goroutine alone, if it is `diverted`, or of none: `give_back` is called if its pages may go.
    /// Returns whether the detour of `before` was seen to be left.
    ///
    /// # Safety
    ///
    /// By sysmon's thread; `diverted` is what [`divert`](Self::divert) has returned.
    pub unsafe fn batch<P: Platform>(
        &self,
        detour: &Detour,
        diverted: bool,
        before: Option<(&Self, &Detour)>,
        give_back: impl Fn(),
    ) -> bool {
        let one = Diverted { word: &self.word, status: &self.status, detour };
        let mut left = false;
        let look = || left = before.is_some_and(|(g, detour)| detour.is_left(&g.status));
        // SAFETY: as the caller ensures.
        unsafe {
            batch::<P>(true, &[diverted.then_some(one)], look, |_, is_closed| {
                if is_closed {
                    give_back();
                }
            });
        }
        left
    }

    /// Returns whether it is parked, as a report sees it.
    pub fn is_parked(&self) -> bool {
        self.status.load(Ordering::Relaxed) == status::PARKED
    }
}
