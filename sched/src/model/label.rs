//! A goroutine's label, by itself.

use core::panic::Location;

use crate::parts::ident::Ident;
use crate::parts::status::{self, Status};

/// A label, and the state of the goroutine whose it is.
pub struct Labelled {
    ident: Ident,
    status: Status,
}

impl Labelled {
    /// Of a G that has never run.
    #[track_caller]
    pub fn new() -> Self {
        Self { ident: Ident::new(Location::caller()), status: Status::new() }
    }

    /// A goroutine starts: as `exec::spawn::prepare` does.
    pub fn start(&self, id: u64, name: &'static str, site: &'static Location<'static>) {
        self.ident.start(id, name, site, &self.status);
    }

    /// It parks, on whichever thread it runs.
    pub fn park(&self) {
        self.status.set(status::PARKED);
    }

    /// It ends.
    pub fn end(&self) {
        self.status.set(status::DEAD);
    }

    /// Returns what a thread sees that looks from outside: number, name and line.
    pub fn look(&self) -> Option<(u64, &'static str, u32)> {
        let (_, label) = self.ident.read(&self.status)?;
        Some((label.id, label.name, label.site.line()))
    }

    /// Returns what the holder of a handle sees.
    pub fn held(&self) -> (u64, &'static str) {
        // SAFETY: the model's promise: its goroutine is kept meanwhile.
        (self.ident.id(), unsafe { self.ident.name() })
    }
}

impl Default for Labelled {
    fn default() -> Self {
        Self::new()
    }
}
