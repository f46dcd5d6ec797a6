//! A panic's message names the goroutine.
//!
//! std's hook names the thread, which has run many goroutines and will run others. So a hook of the runtime's is set in
//! front of the one that the process has: it calls that one, which prints what it prints, and adds a line. It is set
//! once a process, by the first build that wants it; a hook that the program sets afterwards takes its place.
//!
//! *Rejected*: a line where the panic is caught, at the end of the goroutine. It comes after the destructors have run,
//! is missing where the program catches the panic itself or aborts, and is told of panics that a hook was to hide.

use core::time::Duration;
use std::boxed::Box;
use std::io::Write;
use std::panic;
use std::sync::Once;

use g0_arch::sync::atomic::Ordering;

use super::tag::Hosted;
use crate::introspect::{GoroutineInfo, GoroutineState};
use crate::objects::g::{G, status};
use crate::objects::m::M;
use crate::platform::Platform;

/// Sees to it that the message of a panic names the goroutine.
pub(super) fn name_goroutines() {
    static SET: Once = Once::new();
    // Hooks cannot be set while the thread panics; a later build sees to it.
    if std::thread::panicking() {
        return;
    }
    SET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            before(info);
            add_goroutine();
        }));
    });
}

/// Prints which goroutine the calling thread runs, if its runtime is to.
fn add_goroutine() {
    if let Some((m, g)) = running()
        && m.core().names_panics
    {
        // Where nothing can be printed there is nothing to be done about it.
        let _ = writeln!(std::io::stderr(), "g0: panicked in {}", seen(m, g));
    }
}

/// Returns the goroutine that the calling thread runs, also in its calls of C, and the thread's M.
fn running() -> Option<(&'static M, &'static G)> {
    // SAFETY: Ms are never freed while they are a thread's; the goroutine that runs here is alive meanwhile.
    let (m, g) = unsafe {
        let m = Hosted::current().as_ref()?;
        (m, m.curg()?.as_ref())
    };
    // A foreign thread between its callbacks runs none.
    (g.status.load(Ordering::Relaxed) != status::DEAD).then_some((m, g))
}

/// Returns `g`, which the calling thread runs, as reports name it; `m` must be the thread's.
fn seen(m: &M, g: &G) -> GoroutineInfo {
    let state = match m.in_foreign_code() {
        true => GoroutineState::Foreign,
        false => GoroutineState::Running,
    };
    // SAFETY: the running goroutine's own.
    let name = unsafe { g.ident.name() };
    let (id, site, waited) = (g.ident.id(), g.ident.site(), Duration::ZERO);
    GoroutineInfo { id, name, state, waited, site }
}

impl GoroutineInfo {
    /// Returns the calling goroutine as reports name it, also in its calls of C and in a panic hook; `None` on a
    /// thread that runs none. It waits for nothing and takes no lock.
    ///
    /// A hook that the program sets itself tells by it where the panic is:
    ///
    /// ```
    /// use g0_sched::{GoroutineInfo, Runtime, go_named};
    ///
    /// let runtime = Runtime::builder().without_panic_hook().build()?;
    /// std::panic::set_hook(Box::new(|panic| match GoroutineInfo::of_caller() {
    ///     Some(goroutine) => eprintln!("{panic}\n  in {goroutine}"),
    ///     None => eprintln!("{panic}"),
    /// }));
    /// # let _ = std::panic::take_hook();
    /// let name = || GoroutineInfo::of_caller().map(|seen| seen.name);
    /// let named = runtime.run(|| go_named("worker", name).join().unwrap())?;
    /// assert_eq!((named, name()), (Some("worker"), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_caller() -> Option<Self> {
        running().map(|(m, g)| seen(m, g))
    }
}
