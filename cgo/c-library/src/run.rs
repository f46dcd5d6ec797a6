//! The runtime and its goroutines.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use g0_cgo::Handle;
use g0_sched::generic::WaitGroup;
use g0_sched::{Hosted, JoinHandle, RunError, Runtime, sleep, try_go, yield_now};

use crate::status::{Place, Status, guard};

/// What C starts.
pub(crate) type Function = Option<unsafe extern "C" fn(arg: *mut c_void)>;

/// A function of C's with its argument, on the way to another goroutine.
pub(crate) struct Body {
    f: unsafe extern "C" fn(arg: *mut c_void),
    arg: *mut c_void,
}

// SAFETY: the header says that the function runs on another stack, perhaps another thread.
unsafe impl Send for Body {}

impl Body {
    pub(crate) fn new(f: Function, arg: *mut c_void) -> Result<Body, Status> {
        Ok(Body { f: f.ok_or(Status::Null)?, arg })
    }

    pub(crate) fn run(self) {
        // SAFETY: C promises that the two belong together.
        unsafe { (self.f)(self.arg) }
    }
}

/// The kinds of runtime, as the header numbers them.
const EXCLUSIVE: c_int = 0;
const PINNED: c_int = 1;
const MIGRATING: c_int = 2;

/// A runtime runs; there is one at a time.
static RUNS: AtomicBool = AtomicBool::new(false);
/// Its goroutines but for the first, and callbacks on threads of C's own.
static ALIVE: WaitGroup<Hosted> = WaitGroup::new();

/// Runs `f`, for which the runtime's end waits.
pub(crate) fn with_runtime(f: impl FnOnce()) {
    ALIVE.add(1);
    f();
    ALIVE.done();
}

/// What a task's handle leads to: taken by whoever joins.
struct Task(Mutex<Option<JoinHandle<()>>>);

/// See the header.
///
/// # Safety
///
/// As the [library](crate) says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn g0_run(
    kind: c_int,
    procs: usize,
    start: Function,
    arg: *mut c_void,
) -> c_int {
    guard(|| {
        let body = Body::new(start, arg)?;
        if Place::now() != Place::Thread {
            return Err(Status::Context);
        }
        let builder = Runtime::builder().procs(procs);
        // SAFETY: C promises what the header asks for its kind. The library itself has no thread-locals.
        let runtime = unsafe {
            match kind {
                EXCLUSIVE => builder.build(),
                PINNED => builder.build_pinned(),
                MIGRATING => builder.build_migrating(),
                _ => return Err(Status::Refused),
            }
        }?;
        if RUNS.swap(true, Ordering::AcqRel) {
            return Err(Status::Refused);
        }
        let result = runtime.run(|| {
            body.run();
            // Their frames are C's: nobody may unwind them.
            ALIVE.wait();
        });
        RUNS.store(false, Ordering::Release);
        match result {
            Ok(()) => Ok(()),
            Err(RunError::NotStarted(error)) => Err(error.into()),
            Err(_) => Err(Status::Panic),
        }
    })
}

/// See the header.
///
/// # Safety
///
/// As the [library](crate) says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn g0_go(f: Function, arg: *mut c_void, task: *mut usize) -> c_int {
    guard(|| {
        let body = Body::new(f, arg)?;
        Place::must_be_goroutine()?;
        ALIVE.add(1);
        let started = try_go(move || {
            body.run();
            ALIVE.done();
        });
        let started = started.inspect_err(|_| ALIVE.done())?;
        if !task.is_null() {
            let handle = Handle::new(Task(Mutex::new(Some(started))));
            // SAFETY: C gives a place for it.
            unsafe { task.write(handle.as_ptr().addr()) };
        }
        Ok(())
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn g0_join(task: usize) -> c_int {
    guard(|| {
        Place::must_be_goroutine()?;
        let task = handle::<Task>(task).release()?;
        let started = task.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match started.ok_or(Status::Gone)?.join() {
            Ok(()) => Ok(()),
            Err(_) => Err(Status::Panic),
        }
    })
}

/// The handle of a number of C's.
pub(crate) fn handle<T>(word: usize) -> Handle<T> {
    Handle::from_ptr(std::ptr::without_provenance_mut(word))
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn g0_yield() -> c_int {
    guard(|| {
        Place::must_be_goroutine()?;
        yield_now();
        Ok(())
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn g0_sleep(nanoseconds: u64) -> c_int {
    guard(|| {
        Place::must_be_goroutine()?;
        sleep(Duration::from_nanos(nanoseconds));
        Ok(())
    })
}
