//! What is said of panics that met.

use core::any::Any;
use core::fmt;

use crate::Goexit;

/// Writes a line for each panic, oldest first, those that replaced another one indented. A Goexit has no
/// line.
///
/// Only text is shown, which runs no code of a payload's: nothing here can panic, wait or lock, whatever
/// the payloads are.
pub(crate) fn chain<'a>(
    panics: impl Iterator<Item = &'a (dyn Any + Send)>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut before = "panic: ";
    for payload in panics.filter(|payload| !payload.is::<Goexit>()) {
        f.write_str(before)?;
        before = "\n\tpanic: ";
        if let Some(text) = payload.downcast_ref::<&'static str>() {
            f.write_str(text)?;
            continue;
        }
        #[cfg(feature = "alloc")]
        if let Some(text) = payload.downcast_ref::<alloc::string::String>() {
            f.write_str(text)?;
            continue;
        }
        f.write_str("(a value that is not text)")?;
    }
    Ok(())
}
