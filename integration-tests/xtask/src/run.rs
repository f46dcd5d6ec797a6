//! Commands that end: every program that a check starts has a time limit, and on its expiry the whole process group is
//! killed, so that nothing a test started outlives its check.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// The group of the command that runs now, 0 when there is none.
static GROUP: AtomicI32 = AtomicI32::new(0);

/// From now on an interrupted check ends its command, and all that it started, before it ends itself.
pub fn take_commands_along() {
    extern "C" fn end(signal: libc::c_int) {
        // Relaxed: nothing but the number itself is read.
        let group = GROUP.load(Ordering::Relaxed);
        // SAFETY: `kill` and `_exit` may be called in a signal handler; the group is that of a child not yet reaped.
        unsafe {
            if group != 0 {
                libc::kill(-group, libc::SIGKILL);
            }
            libc::_exit(128 + signal);
        }
    }
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler calls only what a handler may call.
        unsafe { libc::signal(signal, end as *const () as libc::sighandler_t) };
    }
}

/// A command with a time limit.
pub struct Cmd {
    inner: Command,
    shown: String,
    limit: Duration,
}

/// What a captured command left behind.
pub struct Output {
    /// Its exit status was zero.
    pub success: bool,
    /// The signal that has killed it.
    pub signal: Option<i32>,
    /// How it ended, in words.
    pub ending: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output and standard error, one after the other.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Whether a build was refused by one error, which says this.
    pub fn refused(&self, text: &str) -> Result<(), String> {
        let errors: Vec<_> = self.stderr.lines().filter(|line| line.starts_with("error")).collect();
        match errors[..] {
            [said, ended] if said.contains(text) && ended.contains("could not compile") => {
                println!("  {said}");
                Ok(())
            }
            _ => Err(format!("not refused by one clear error:\n{}", self.stderr)),
        }
    }
}

impl Cmd {
    /// A command without input, in a process group of its own, limited to fifteen minutes.
    pub fn new(program: impl AsRef<OsStr>) -> Cmd {
        let mut inner = Command::new(program.as_ref());
        inner.stdin(Stdio::null()).process_group(0);
        for (name, _) in std::env::vars_os() {
            // What `cargo run` tells this program about itself is not for the programs it starts.
            let text = name.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|p| text.starts_with(p)) {
                inner.env_remove(&name);
            }
        }
        // SAFETY: between fork and exec only `prctl` is called, which is async-signal-safe and touches no memory of ours.
        unsafe {
            inner.pre_exec(|| {
                // An interrupted check takes its commands along.
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let shown = Path::new(program.as_ref()).file_name().unwrap_or(program.as_ref());
        Cmd { shown: shown.to_string_lossy().into_owned(), inner, limit: Duration::from_secs(900) }
    }

    /// The cargo that started this program, which is the pinned one.
    pub fn cargo() -> Cmd {
        Cmd::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Appends arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Cmd {
        for arg in args {
            self.shown += " ";
            self.shown += &arg.as_ref().to_string_lossy();
            self.inner.arg(arg);
        }
        self
    }

    /// Sets a variable and shows it in front of the command.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Cmd {
        self.shown = format!("{name}='{}' {}", value.as_ref().to_string_lossy(), self.shown);
        self.inner.env(name, value);
        self
    }

    /// Removes inherited variables.
    pub fn env_remove(mut self, names: impl IntoIterator<Item = String>) -> Cmd {
        for name in names {
            self.inner.env_remove(name);
        }
        self
    }

    /// Runs in this folder.
    pub fn dir(mut self, dir: &Path) -> Cmd {
        self.inner.current_dir(dir);
        self
    }

    /// Runs it on one CPU, the first of those that we may use.
    pub fn on_one_cpu(mut self) -> Cmd {
        // SAFETY: between fork and exec only two system calls are made, on memory of the closure's own.
        unsafe {
            self.inner.pre_exec(|| {
                let size = size_of::<libc::cpu_set_t>();
                let mut set: libc::cpu_set_t = std::mem::zeroed();
                if libc::sched_getaffinity(0, size, &mut set) != 0 {
                    return Err(std::io::Error::last_os_error());
                }
                let mut cpus = 0..libc::CPU_SETSIZE as usize;
                let first = cpus.find(|cpu| libc::CPU_ISSET(*cpu, &set)).unwrap_or(0);
                libc::CPU_ZERO(&mut set);
                libc::CPU_SET(first, &mut set);
                match libc::sched_setaffinity(0, size, &set) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        self.shown += " (on one CPU)";
        self
    }

    /// Ends the command after this many seconds.
    pub fn limit(mut self, seconds: u64) -> Cmd {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Runs it with its output on ours. An error says how it ended, and which tests failed.
    pub fn run(mut self) -> Result<(), String> {
        println!("  $ {}", self.shown);
        self.inner.stdout(Stdio::piped());
        let mut child = self.start()?;
        let out = child.stdout.take();
        let out = std::thread::spawn(move || pass_on(out, &mut std::io::stdout()));
        let (status, expired) = wait(child, self.limit)?;
        let failed = out.join().map_err(|_| "passing standard output on failed")?;
        if status.success() { Ok(()) } else { Err(self.failed(status, expired) + &failed) }
    }

    /// Runs it and keeps its output. An error means that it could not be started or had to be ended.
    pub fn capture(mut self) -> Result<Output, String> {
        self.inner.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.start()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let out = std::thread::spawn(move || drain(out));
        let err = std::thread::spawn(move || drain(err));
        let (status, expired) = wait(child, self.limit)?;
        let ending =
            if status.success() { "exit status 0".into() } else { self.failed(status, expired) };
        let stdout = out.join().map_err(|_| "reading standard output failed")?;
        let stderr = err.join().map_err(|_| "reading standard error failed")?;
        if expired {
            return Err(format!("{ending}\n{stdout}{stderr}"));
        }
        Ok(Output { success: status.success(), signal: status.signal(), ending, stdout, stderr })
    }

    /// Captures it; anything but exit status zero is an error with the output in it.
    pub fn stdout(self) -> Result<String, String> {
        let out = self.capture()?;
        if out.success { Ok(out.stdout) } else { Err(format!("{}\n{}", out.ending, out.text())) }
    }

    fn start(&mut self) -> Result<Child, String> {
        self.inner.spawn().map_err(|e| format!("cannot start `{}`: {e}", self.shown))
    }

    fn failed(&self, status: ExitStatus, expired: bool) -> String {
        if expired {
            return format!("`{}` was ended after {} s", self.shown, self.limit.as_secs());
        }
        match status.signal() {
            Some(signal) => format!("`{}` was killed by signal {signal}", self.shown),
            None => format!("`{}` ended with {status}", self.shown),
        }
    }
}

/// Writes what is read, line by line, and returns those that tell of a failed test.
fn pass_on(pipe: Option<impl Read>, to: &mut impl Write) -> String {
    let Some(pipe) = pipe else { return String::new() };
    let (mut pipe, mut line, mut failed) = (BufReader::new(pipe), Vec::new(), String::new());
    while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let _ = to.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        if text.starts_with("test ") && text.trim_end().ends_with("FAILED") {
            failed += &format!("\n  {}", text.trim_end());
        }
        line.clear();
    }
    failed
}

fn drain(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits for the child; kills its group when the limit expires.
fn wait(mut child: Child, limit: Duration) -> Result<(ExitStatus, bool), String> {
    let end = Instant::now() + limit;
    let group = child.id() as i32;
    GROUP.store(group, Ordering::Relaxed);
    let mut pause = Duration::from_micros(200);
    let mut expired = false;
    loop {
        // The group is killed before the child is reaped: until then its id cannot belong to anyone else.
        if !expired && Instant::now() > end {
            expired = true;
            // SAFETY: a plain system call; the group is the one made for this child, which has not been reaped.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        match child.try_wait() {
            Ok(Some(status)) => {
                GROUP.store(0, Ordering::Relaxed);
                return Ok((status, expired));
            }
            Ok(None) => std::thread::sleep(pause),
            Err(e) => return Err(format!("cannot wait for a child: {e}")),
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_beyond_its_limit_is_ended_with_all_it_started() {
        let start = Instant::now();
        let result = Cmd::new("sh").args(["-c", "sleep 60 & sleep 60"]).limit(1).capture();
        assert!(result.is_err_and(|e| e.contains("was ended after 1 s")));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_command_on_one_cpu_finds_one_cpu() {
        assert_eq!(Cmd::new("nproc").on_one_cpu().stdout().unwrap().trim(), "1");
    }

    #[test]
    fn failed_tests_are_told_apart_and_all_is_passed_on() {
        let text = "test a ... ok\ntest b ... FAILED\nand no more";
        let mut passed = Vec::new();
        assert_eq!(pass_on(Some(text.as_bytes()), &mut passed), "\n  test b ... FAILED");
        assert_eq!(passed, text.as_bytes());
    }

    #[test]
    fn a_failure_keeps_both_outputs() {
        let out = Cmd::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]).capture().unwrap();
        assert!(!out.success && out.ending.contains("exit status: 3"));
        assert_eq!(out.text(), "out\nerr\n");
    }
}
