//! For how long a thread looks before it sleeps.

/// The longest look, nanoseconds.
pub(crate) const LONGEST: u32 = 20_000;

/// The shortest.
const SHORTEST: u32 = LONGEST >> 4;

/// Of so many waits in vain one after the other the last is long.
const TRIAL: u32 = 32;

/// How long an M looks. One for each thing it looks for: what comes at once when it has nothing to
/// give would else make up for what never comes while it keeps its P, as where both threads share a
/// CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdaptiveSpin {
    length: u32,
    /// Waits in vain since the last that was not.
    vain: u32,
}

impl AdaptiveSpin {
    pub(crate) const FULL: Self = Self { length: LONGEST, vain: 0 };

    /// Returns how long the next wait is.
    pub(crate) fn now(self) -> u64 {
        u64::from(if self.vain == TRIAL - 1 { LONGEST } else { self.length })
    }

    /// After a wait.
    pub(crate) fn after(self, good: bool) -> Self {
        let Self { length, vain } = self;
        match good {
            true if vain == TRIAL - 1 => Self::FULL,
            true => Self { length: (length * 2).min(LONGEST), vain: 0 },
            false => Self { length: (length / 2).max(SHORTEST), vain: (vain + 1) % TRIAL },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_in_vain_grow_shorter_and_a_good_one_makes_up_for_one() {
        let mut patience = AdaptiveSpin::FULL;
        for _ in 0..8 {
            patience = patience.after(false);
        }
        assert_eq!(patience.now(), u64::from(SHORTEST));
        assert_eq!(patience.after(true).now(), 2 * u64::from(SHORTEST));
        assert_eq!(AdaptiveSpin::FULL.after(true).now(), u64::from(LONGEST));
    }

    #[test]
    fn after_many_waits_in_vain_one_is_long_and_if_it_is_good_so_is_the_next() {
        let mut patience = AdaptiveSpin::FULL;
        for _ in 0..TRIAL - 1 {
            patience = patience.after(false);
        }
        assert_eq!(patience.now(), u64::from(LONGEST));
        assert_eq!(patience.after(true).now(), u64::from(LONGEST));
        assert_eq!(patience.after(false).now(), u64::from(SHORTEST));
    }
}
