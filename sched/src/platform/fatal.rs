//! What went wrong for good.

use core::fmt;
use core::panic::Location;
use core::ptr::NonNull;

use super::Platform;
use crate::objects::g::G;

/// What went wrong for good, as data: the platform prints it and ends the program.
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

/// Reports that goroutine `g` broke something for good.
#[cold]
pub(crate) fn fatal<P: Platform>(g: Option<NonNull<G>>, reason: &'static str) -> ! {
    let report = match g {
        // SAFETY: the running goroutine's own fields.
        Some(g) => unsafe {
            let label = &g.as_ref().ident;
            Fatal { reason, goroutine: label.id(), name: label.name(), site: Some(label.site()) }
        },
        None => Fatal { reason, goroutine: 0, name: "", site: None },
    };
    P::fatal(&report)
}
