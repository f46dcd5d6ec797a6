//! Numbers that come again with their seed.

use std::time::Duration;

/// A generator (splitmix64): any seed is as good as any other.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ x >> 31
    }

    /// Less than `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 32) as usize % n
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A short time, about as long as an operation takes; sometimes none.
    pub fn moment(&mut self) -> Duration {
        Duration::from_nanos(match self.below(4) {
            0 => 0,
            1 => self.below(3_000),
            _ => self.below(120_000),
        } as u64)
    }

    /// Another generator.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }
}
