//! The thread of sysmon, without which a runtime may wait for ever.

use std::io;
use std::string::ToString;
use std::thread::{Builder, JoinHandle};

use super::tag::Hosted;
use crate::platform::fatal::fatal;

/// Ends the program when it is dropped: its thread unwinds.
struct Dies;

impl Drop for Dies {
    fn drop(&mut self) {
        fatal::<Hosted>(
            None,
            "sysmon has panicked: nothing takes Ps from blocked threads any more, and `run` might never return",
        );
    }
}

/// Starts a thread that runs `watch`, and ends the program if that panics.
///
/// # Errors
///
/// Those of the system.
pub(super) fn start(watch: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name("g0 sysmon".to_string()).spawn(move || {
        let dies = Dies;
        watch();
        core::mem::forget(dies);
    })
}

#[cfg(test)]
#[path = "../../../arch/tests/common/runner.rs"]
mod runner;

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::string::{String, ToString};

    use super::{runner, start};

    const CHILD: &str = "G0_TEST_CHILD";

    #[test]
    fn one_that_returns_is_joined() {
        let (tx, rx) = std::sync::mpsc::channel();
        let watcher =
            start(move || tx.send(std::thread::current().name().map(String::from)).unwrap());
        watcher.unwrap().join().unwrap();
        assert_eq!(rx.recv().unwrap().as_deref(), Some("g0 sysmon"));
    }

    #[test]
    fn one_that_panics_ends_the_program_with_a_message() {
        if std::env::var_os(CHILD).is_some() {
            // SAFETY: there is no core file of what is to be ended.
            unsafe {
                let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
            }
            let _ = start(|| std::panic::resume_unwind(std::boxed::Box::new(1))).unwrap().join();
            std::process::exit(0);
        }
        let test = std::thread::current().name().expect("a test's name").to_string();
        let out = runner::this_program()
            .args([test.as_str(), "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, "1")
            .output()
            .expect("a child");
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{:?}: {said}", out.status);
        assert!(said.contains("fatal error: sysmon has panicked"), "{said}");
    }
}
