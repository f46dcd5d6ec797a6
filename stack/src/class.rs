//! Size classes: powers of two.

use crate::StackError;

/// A stack's size class: a power of two of bytes.
///
/// Stacks of one class are interchangeable, which is what makes free lists short: a cache or a
/// depot holds one class. The class counts what a stack may use, its header (and the payload
/// beneath it) included; a guard page lies below and is not counted.
///
/// Sizes run from 1 KiB to 1 GiB where addresses have 64 bits, and from 512 bytes to 16 MiB where
/// they have fewer. Of 64-bit stacks below 4 KiB there are only *packed* ones (`PackedSource`): each source says what
/// it does with a class that is smaller than its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct Class(u8);

const SMALLEST: u8 = if usize::BITS == 64 { 10 } else { 9 };
/// The smallest that a source serves whose stacks are not packed.
const LEAST_ALONE: u8 = if usize::BITS == 64 { 12 } else { 9 };
const LARGEST: u8 = match usize::BITS {
    64 => 30,
    32 => 24,
    _ => 14,
};

impl Class {
    /// The smallest class.
    pub const MIN: Class = Class(SMALLEST);
    /// The largest class.
    pub const MAX: Class = Class(LARGEST);
    /// How many classes there are.
    pub const COUNT: usize = (LARGEST - SMALLEST) as usize + 1;

    /// Returns the smallest class that holds `bytes`.
    ///
    /// ```
    /// # use g0_stack::Class;
    /// assert_eq!(Class::for_size(60_000)?.size(), 65_536);
    /// assert!(Class::for_size(0).is_err());
    /// assert!(Class::for_size(usize::MAX).is_err());
    /// # Ok::<(), g0_stack::StackError>(())
    /// ```
    ///
    /// # Errors
    /// [`StackError::ZeroSize`] for 0, [`StackError::TooLarge`] beyond [`Class::MAX`].
    pub const fn for_size(bytes: usize) -> Result<Class, StackError> {
        if bytes == 0 {
            return Err(StackError::ZeroSize);
        }
        if bytes > Class::MAX.size() {
            return Err(StackError::TooLarge { asked: bytes, largest: Class::MAX.size() });
        }
        let log = bytes.next_power_of_two().trailing_zeros() as u8;
        Ok(if log < SMALLEST { Class::MIN } else { Class(log) })
    }

    /// As [`for_size`](Class::for_size), for a size that is known not to be 0; the largest class at most.
    pub(crate) const fn of(bytes: usize) -> Class {
        match Class::for_size(bytes) {
            Ok(class) => class,
            Err(_) => Class::MAX,
        }
    }

    /// Returns the bytes of a stack of this class, header included.
    #[inline]
    pub const fn size(self) -> usize {
        1 << self.0
    }

    /// Returns the bytes that a stack of this class has at least where stacks are not packed: 4 KiB on 64 bits.
    pub(crate) const fn size_alone(self) -> usize {
        let log = if self.0 < LEAST_ALONE { LEAST_ALONE } else { self.0 };
        1 << log
    }

    /// Returns the class's place among [`Class::COUNT`], the smallest being 0.
    #[inline]
    pub const fn index(self) -> usize {
        (self.0 - SMALLEST) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_gets_the_smallest_class_that_holds_it() {
        for log in SMALLEST..=LARGEST {
            let size = 1usize << log;
            assert_eq!(Class::for_size(size), Ok(Class(log)));
            assert_eq!(Class::for_size(size - 1), Ok(Class(log)));
            if log < LARGEST {
                assert_eq!(Class::for_size(size + 1), Ok(Class(log + 1)));
            }
        }
        assert_eq!(Class::for_size(1), Ok(Class::MIN));
        assert_eq!(Class::MAX.index() + 1, Class::COUNT);
    }

    #[test]
    fn sizes_that_cannot_be_are_errors() {
        assert_eq!(Class::for_size(0), Err(StackError::ZeroSize));
        for asked in [Class::MAX.size() + 1, usize::MAX / 2, usize::MAX] {
            let largest = Class::MAX.size();
            assert_eq!(Class::for_size(asked), Err(StackError::TooLarge { asked, largest }));
        }
    }
}
