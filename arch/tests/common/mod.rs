//! Stacks for the tests.

/// A block of memory to use as a stack.
pub struct Stack(Vec<u8>);

impl Stack {
    /// `size` bytes.
    pub fn new(size: usize) -> Stack {
        Stack(vec![0; size])
    }

    /// Returns the address after the highest byte.
    pub fn top(&mut self) -> *mut u8 {
        self.0.as_mut_ptr_range().end
    }
}
