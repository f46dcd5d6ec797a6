//! Stacks that grow by segments, where the program says so.
//!
//! ESSAY

mod call;
mod here;
mod kept;
mod new;
mod room;
mod segment;
mod unwindstack;
mod walk;

pub use call::{call, try_call};
pub use here::Here;
pub use kept::{Kept, give_kept, has_kept, is_first, take_kept, trim};
pub use room::{most, remaining};
pub use segment::{SEGMENT, Segment};
pub use unwindstack::unwindstack;
pub use walk::{Piece, Pieces, first, pieces, segment_of};
