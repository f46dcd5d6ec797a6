//! A task whose stack grows by segments from static memory: what a kernel supplies is the present stack, in a word.

use core::convert::Infallible;
use core::hint::black_box;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use g0_arch::{Arch, Native};
use g0_stack::grow::{self, Here, call, try_call};
use g0_stack::{Class, Header, StackError, StackSource, StaticSource};
use nostd_start::check;

const SEGMENTS: usize = 8;
const SEGMENT: usize = 4096;
const NEED: usize = 1024;
const CLASS: Class = match Class::for_size(SEGMENT) {
    Ok(class) => class,
    Err(_) => panic!("4 KiB is a size"),
};

// SAFETY: what runs on them asks for what it needs.
static MEMORY: StaticSource<SEGMENTS, SEGMENT> = unsafe { StaticSource::new() };
/// The present stack of the only task.
static PRESENT: AtomicPtr<Header> = AtomicPtr::new(null_mut());

enum Task {}

// SAFETY: there is one thread and one task, and `run` sets the word while it runs. Nothing unwinds.
unsafe impl Here for Task {
    type Payload = Infallible;
    type Source = &'static StaticSource<SEGMENTS, SEGMENT>;

    fn present() -> Option<NonNull<Header>> {
        NonNull::new(PRESENT.load(Relaxed))
    }

    unsafe fn set_present(stack: NonNull<Header>) {
        PRESENT.store(stack.as_ptr(), Relaxed);
    }

    fn source() -> Self::Source {
        &MEMORY
    }

    fn class() -> Class {
        CLASS
    }
}

/// Frames of more than 128 bytes, `depth` of them.
fn deep(depth: usize) -> Result<usize, StackError> {
    let frame = black_box([1_u8; 128]);
    match depth {
        0 => Ok(0),
        _ => try_call::<Task, _>(NEED, || deep(depth - 1))?
            .map(|sum| sum + usize::from(frame[depth % 128])),
    }
}

/// All of it, on a stack that is too small.
unsafe extern "C" fn task(_: *mut u8) -> usize {
    let own = Task::present();
    let more = grow::remaining::<Task>() + 1;
    check(30, more <= grow::most::<Task>(CLASS));
    check(31, deep(40) == Ok(40));
    check(32, Task::present() == own);
    // SAFETY: the task itself runs here.
    check(33, own.is_some_and(|own| grow::has_kept(unsafe { own.as_ref() })));
    check(34, call::<Task, _>(more, || Task::present() != own));
    check(35, deep(10_000) == Err(StackError::Exhausted { stacks: SEGMENTS }));
    check(36, grow::trim::<Task>() == SEGMENTS - 1 && grow::trim::<Task>() == 0);
    check(37, try_call::<Task, _>(0, || ()) == Err(StackError::ZeroSize));
    check(38, matches!(try_call::<Task, _>(SEGMENT, || ()), Err(StackError::TooLarge { .. })));
    check(39, deep(40) == Ok(40));
    grow::trim::<Task>()
}

pub fn run() {
    let Ok(own) = (&MEMORY).alloc(CLASS) else { nostd_start::exit(40) };
    PRESENT.store((&raw const *own).cast_mut(), Relaxed);
    let mut slot = null_mut();
    // SAFETY: the stack is this function's own, and `task` does not unwind.
    check(41, unsafe { Native::call_on(own.top(), task, null_mut(), &raw mut slot) } > 0);
    PRESENT.store(null_mut(), Relaxed);
    check(42, grow::is_first(&own) && own.canary_intact());
    check(43, grow::remaining::<Task>() == 0);
    // SAFETY: nothing runs on it any more.
    unsafe { (&MEMORY).free(own) };
}
