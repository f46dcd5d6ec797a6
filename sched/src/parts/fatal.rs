//! What went wrong for good, as data.

use core::fmt;
use core::panic::Location;

/// What went wrong for good: the platform prints it and ends the program.
#[derive(Debug)]
pub struct Fatal {
    /// What happened, and what to do.
    pub reason: &'static str,
    /// The goroutine it happened to, 0 when there is none.
    pub goroutine: u64,
    /// The goroutine's name, empty when it has none.
    pub name: &'static str,
    /// Where the goroutine was started.
    pub site: Option<&'static Location<'static>>,
}

impl Fatal {
    /// Of a failure that is no goroutine's.
    pub(crate) const fn new(reason: &'static str) -> Self {
        Self { reason, goroutine: 0, name: "", site: None }
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fatal error: {}", self.reason)?;
        if self.goroutine != 0 {
            write!(f, "\ngoroutine {}", self.goroutine)?;
            if !self.name.is_empty() {
                write!(f, " ({})", self.name)?;
            }
        }
        if let Some(site) = self.site {
            write!(f, ", started at {site}")?;
        }
        Ok(())
    }
}
