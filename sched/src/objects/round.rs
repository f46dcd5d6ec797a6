//! The turns of the queues that an M takes goroutines from.

/// The queues that have turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    Global,
    Ring,
    /// The Gs that are bound to the M.
    Local,
}

impl Queue {
    /// Returns the one whose turn comes after this one's.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Global => Self::Ring,
            Self::Ring => Self::Local,
            Self::Local => Self::Global,
        }
    }
}

/// A round of turns: each queue has one, and before them the Ms that wait for a P. It is begun anew only when
/// it has come to its end, so that no queue is passed over by another that never is empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// The queue whose turn is next.
    pub(crate) next: Queue,
    /// How many queues have not had theirs; zero between two rounds.
    pub(crate) left: u8,
}

impl Round {
    pub(crate) const START: Self = Self { next: Queue::Global, left: 0 };
    /// How many queues have a turn in each.
    pub(crate) const TURNS: u8 = 3;
}
