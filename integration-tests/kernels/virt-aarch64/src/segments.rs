//! Stacks that grow by segments from static memory: a recursion that needs more than a goroutine's stack has, and the
//! end of the memory.

use core::hint::black_box;

use g0_sched::Error;

use crate::goroutines::timed;
use crate::{SEGMENT, SEGMENTS, STACK, rt};

/// What one level of the recursion asks for, which is more than its frame.
const NEED: usize = 4 << 10;
/// Levels that take five stacks of a goroutine.
const DEEP: usize = 5 * STACK / FRAME;
const FRAME: usize = 1024;
const CALLS: u64 = 1_000_000;

/// `depth` frames, each of which gives way; returns the sum of what was written to them.
fn deep(depth: usize) -> Result<usize, Error> {
    let frame = black_box([1_u8; FRAME]);
    if depth == 0 {
        return Ok(0);
    }
    rt::yield_now();
    let beneath = rt::grow::try_call(NEED, || deep(depth - 1))??;
    Ok(beneath + usize::from(frame[depth % FRAME]))
}

/// Calls `f` on a segment at once: no more than half of a goroutine's stack is used in this image.
fn on_a_segment<R>(f: impl FnOnce() -> R) -> R {
    rt::grow::call(rt::grow::remaining() + 1, f)
}

pub fn run() {
    // More than one at a time: each on segments of its own, which the other one's give way to.
    let other = rt::go(|| on_a_segment(|| deep(DEEP)));
    assert_eq!(on_a_segment(|| deep(DEEP)), Ok(DEEP));
    let Ok(joined) = other.join();
    assert_eq!(joined, Ok(DEEP));

    timed("call on a kept segment", CALLS, || {
        let need = rt::grow::remaining() + 1024;
        for i in 0..CALLS {
            assert_eq!(rt::grow::call(need, || black_box(i)), i);
        }
    });
    timed("call that fits", CALLS, || {
        for i in 0..CALLS {
            assert_eq!(rt::grow::call(NEED, || black_box(i)), i);
        }
    });

    // It ends at the end of the memory, and leaves it for the next one.
    for _ in 0..2 {
        assert!(matches!(on_a_segment(|| deep(SEGMENTS * SEGMENT)), Err(Error::Segment(_))));
        assert!(rt::grow::trim() > 0);
    }
    assert_eq!(on_a_segment(|| deep(DEEP)), Ok(DEEP));
}
