//! How the scheduler ends the program.

use core::ptr::NonNull;

use super::Platform;
use crate::objects::g::G;
use crate::parts::fatal::Fatal;

/// Reports that goroutine `g` broke something for good.
#[cold]
pub(crate) fn fatal<P: Platform>(g: Option<NonNull<G>>, reason: &'static str) -> ! {
    let report = match g {
        // SAFETY: the running goroutine's own fields.
        Some(g) => unsafe {
            let ident = &g.as_ref().ident;
            Fatal { reason, goroutine: ident.id(), name: ident.name(), site: Some(ident.site()) }
        },
        None => Fatal::new(reason),
    };
    P::fatal(&report)
}
