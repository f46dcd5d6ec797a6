//! A task on a plain thread: its own stack from a source, its segments from another, and nothing else.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{NonNull, null_mut};
use std::sync::Once;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::SeqCst};

use g0_arch::tools::Fiber;
use g0_arch::{Arch, Native};
use g0_stack::grow::{self, Here};
use g0_stack::{Class, Header, Stack, StackError, StackSource};

type Payload = Box<dyn Any + Send>;

/// What a system would keep of its running task.
pub struct Present {
    present: Cell<*mut Header>,
    limit: Cell<usize>,
    class: Cell<Class>,
    /// How often `apart` ran.
    apart: Cell<usize>,
    fiber: Fiber,
}

thread_local! {
    static PRESENT: Present = const {
        Present {
            present: Cell::new(null_mut()),
            limit: Cell::new(1 << 20),
            class: Cell::new(Class::MIN),
            apart: Cell::new(0),
            fiber: Fiber::none(),
        }
    };
}

/// Where the segments of a kind of task come from.
pub trait Origin {
    type Source: StackSource;
    fn source() -> Self::Source;
}

/// A task whose segments come from there.
pub struct On<O>(O);

// SAFETY: each thread runs one task at most, on which it stays; `run` sets the present stack while it does. The source
// is the origin's. A panic is caught and thrown on.
unsafe impl<O: Origin> Here for On<O> {
    type Payload = Payload;
    type Source = O::Source;
    const RESERVE: usize = 16 << 10;

    fn present() -> Option<NonNull<Header>> {
        NonNull::new(PRESENT.with(|at| at.present.get()))
    }

    unsafe fn set_present(stack: NonNull<Header>) {
        PRESENT.with(|at| at.present.set(stack.as_ptr()));
    }

    fn source() -> O::Source {
        O::source()
    }

    fn nowhere() -> &'static str {
        "on a thread without a task"
    }

    fn class() -> Class {
        PRESENT.with(|at| at.class.get())
    }

    fn limit() -> usize {
        PRESENT.with(|at| at.limit.get())
    }

    fn apart<R>(f: impl FnOnce() -> R) -> R {
        PRESENT.with(|at| at.apart.set(at.apart.get() + 1));
        f()
    }

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
        catch_unwind(AssertUnwindSafe(f))
    }

    fn resume(payload: Payload) -> ! {
        resume_unwind(payload)
    }

    fn fatal(what: fmt::Arguments<'_>) -> ! {
        panic!("fatal: {what}")
    }

    fn fiber(_own: NonNull<Header>) -> Option<NonNull<Fiber>> {
        Some(PRESENT.with(|at| NonNull::from(&at.fiber)))
    }
}

/// Returns how often this thread's tasks had something done apart.
pub fn apart() -> usize {
    PRESENT.with(|at| at.apart.get())
}

/// Sets what the tasks of this thread may have.
pub fn limit(bytes: usize, class: Class) {
    PRESENT.with(|at| {
        at.limit.set(bytes);
        at.class.set(class);
    });
}

/// Calls `f` on the stack, which no frame is on.
fn on_stack<F: FnOnce() -> R, R>(stack: &Stack, f: F) -> Result<R, Payload> {
    struct Frame<'a, F, R>(&'a Fiber, &'a Fiber, Option<F>, Option<Result<R, Payload>>);
    unsafe extern "C" fn base<F: FnOnce() -> R, R>(frame: *mut u8) -> usize {
        // SAFETY: the caller's own frame, which it leaves alone meanwhile.
        let Frame(thread, own, f, result) = unsafe { &mut *frame.cast::<Frame<'_, F, R>>() };
        // SAFETY: the first thing here, and the last.
        unsafe { own.after_switch() };
        let f = f.take().unwrap();
        *result = Some(catch_unwind(AssertUnwindSafe(f)));
        // SAFETY: as above.
        unsafe { own.before_return(thread) };
        0
    }
    PRESENT.with(|at| {
        // SAFETY: this thread is on its own stack, which tells of it; the stack is the caller's.
        unsafe {
            let thread = Fiber::of_thread();
            at.fiber.begin(stack.bottom(), stack.size());
            let mut frame = Frame(&thread, &at.fiber, Some(f), None);
            let mut slot = null_mut();
            let arg = (&raw mut frame).cast();
            thread.before_switch(&at.fiber);
            Native::call_on(stack.top(), base::<F, R>, arg, &raw mut slot);
            thread.after_return();
            at.fiber.retire();
            frame.3.unwrap()
        }
    })
}

/// Runs a task on this stack. Returns the stack, for it to be freed, and what became of the task; segments that it
/// keeps are given back first.
pub fn run<O: Origin, R>(stack: Stack, f: impl FnOnce() -> R) -> (Stack, Result<R, Payload>) {
    // Backtraces take more of a stack than all else that these tasks do.
    static BRIEF: Once = Once::new();
    BRIEF.call_once(|| std::panic::set_hook(Box::new(|info| std::eprintln!("{info}"))));
    let own = NonNull::from(&*stack);
    PRESENT.with(|at| at.present.set(own.as_ptr()));
    let result = on_stack(&stack, f);
    // On whatever stack it ended, it is on its own one again.
    assert_eq!(On::<O>::present(), Some(own));
    grow::trim::<On<O>>();
    PRESENT.with(|at| at.present.set(null_mut()));
    assert!(grow::is_first(&stack));
    (stack, result)
}

/// Returns the text of a panic.
pub fn text(payload: Payload) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().map_or("?", |text| text).to_owned(),
    }
}

/// A source that counts what is out, and can run dry.
pub struct Counted<S> {
    pub inner: S,
    pub out: AtomicIsize,
    pub made: AtomicUsize,
}

impl<S> Counted<S> {
    pub const fn new(inner: S) -> Self {
        Counted { inner, out: AtomicIsize::new(0), made: AtomicUsize::new(0) }
    }

    pub fn out(&self) -> isize {
        self.out.load(SeqCst)
    }

    pub fn made(&self) -> usize {
        self.made.load(SeqCst)
    }
}

// SAFETY: forwards to a source.
unsafe impl<S: StackSource> StackSource for Counted<S> {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        let stack = self.inner.alloc(class)?;
        self.out.fetch_add(1, SeqCst);
        self.made.fetch_add(1, SeqCst);
        Ok(stack)
    }

    unsafe fn free(&self, stack: Stack) {
        self.out.fetch_sub(1, SeqCst);
        // SAFETY: as the caller ensures.
        unsafe { self.inner.free(stack) }
    }
}
