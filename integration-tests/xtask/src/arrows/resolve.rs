//! Which module a path leads to: through imports, re-exports and globs to the one that defines the item.

use super::modules::{Kind, Krate, Written};
use std::collections::BTreeSet;

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Target<'a> {
    Module(usize),
    /// An item of this module, or a name in it that no source shows: a macro may define it.
    Item(usize, &'a str),
    Macro(usize),
    /// Of another crate, or of the prelude, or a variable.
    Outside,
}

impl Target<'_> {
    fn module(&self) -> Option<usize> {
        match *self {
            Target::Module(module) | Target::Item(module, _) | Target::Macro(module) => {
                Some(module)
            }
            Target::Outside => None,
        }
    }
}

/// The modules that a path leads to; several if its name means several things.
#[derive(Default)]
pub struct Places {
    /// Those that define the item.
    pub defined: BTreeSet<usize>,
    /// Those on the way that hand on what is not theirs.
    pub handed_on: BTreeSet<usize>,
}

/// Follows one path.
pub fn resolve(krate: &Krate, path: &Written) -> Places {
    let mut walk = Walk::new(krate, path.module);
    let mut targets = walk.path(path.module, &path.segments);
    match path.kind {
        Kind::Macro => {
            if path.segments.len() == 1 && targets == [Target::Outside] {
                targets = by_text(krate, &path.segments[0]);
            }
            targets.retain(|target| matches!(target, Target::Macro(_)));
        }
        // Code names items; only a `use` names a module for its own sake.
        Kind::Code => targets.retain(|target| !matches!(target, Target::Module(_))),
        Kind::Use | Kind::Reexport | Kind::Method => {}
    }
    let defined = targets.iter().filter_map(Target::module).collect();
    Places { defined, handed_on: walk.handed_on }
}

/// The module that defines a type which `path` names in module `at`.
pub fn definer(krate: &Krate, at: usize, path: &[String]) -> Option<usize> {
    let targets = Walk::new(krate, at).path(at, path);
    targets.into_iter().find_map(|target| match target {
        Target::Item(module, _) => Some(module),
        _ => None,
    })
}

/// The macros of this name: those without `#[macro_export]` are found by where they stand in the text.
fn by_text<'a>(krate: &'a Krate, name: &str) -> Vec<Target<'a>> {
    let items = krate.modules.iter().flat_map(|module| &module.items);
    items.filter(|i| i.is_macro && i.name == name).map(|i| Target::Macro(i.module)).collect()
}

struct Walk<'a> {
    krate: &'a Krate,
    from: usize,
    /// The imports that are being followed: some lead back to themselves.
    entered: BTreeSet<(usize, usize)>,
    handed_on: BTreeSet<usize>,
}

impl<'a> Walk<'a> {
    fn new(krate: &'a Krate, from: usize) -> Self {
        Self { krate, from, entered: BTreeSet::new(), handed_on: BTreeSet::new() }
    }

    /// Follows a path as it is written in module `at`.
    fn path(&mut self, at: usize, segments: &'a [String]) -> Vec<Target<'a>> {
        let Some((first, rest)) = segments.split_first() else { return vec![Target::Module(at)] };
        let krate = self.krate;
        let above = |module: usize| krate.modules[module].parent.unwrap_or(0);
        match first.as_str() {
            "crate" => self.down(0, rest),
            "self" => self.down(at, rest),
            "super" => {
                let (mut at, mut rest) = (above(at), rest);
                while rest.first().is_some_and(|next| next == "super") {
                    (at, rest) = (above(at), &rest[1..]);
                }
                self.down(at, rest)
            }
            _ => {
                let found = self.name(at, first);
                if found.is_empty() { vec![Target::Outside] } else { self.behind(found, rest) }
            }
        }
    }

    /// Follows the rest of a path from a module.
    fn down(&mut self, at: usize, segments: &'a [String]) -> Vec<Target<'a>> {
        let Some((first, rest)) = segments.split_first() else { return vec![Target::Module(at)] };
        if first == "*" {
            return vec![Target::Module(at)];
        }
        let mut found = self.name(at, first);
        // What a module has from another crate is named by that module. The root may hand on such things as its own.
        let foreign = found == [Target::Outside] && at != 0;
        if found.is_empty() || foreign {
            found = vec![Target::Item(at, first)];
        }
        self.behind(found, rest)
    }

    /// Behind a module's name its names follow. Behind an item's its own (variants, functions) follow: they are the
    /// item, and a function is also the module in which it stands.
    fn behind(&mut self, found: Vec<Target<'a>>, rest: &'a [String]) -> Vec<Target<'a>> {
        let Some(next) = rest.first() else { return found };
        let is_module = |target: &&Target| matches!(target, Target::Module(_));
        let modules: Vec<usize> =
            found.iter().filter(is_module).filter_map(Target::module).collect();
        if !modules.is_empty() {
            return modules.into_iter().flat_map(|module| self.down(module, rest)).collect();
        }
        let mut all = found.clone();
        for target in found {
            let Target::Item(_, item) = target else { continue };
            let methods = self.krate.methods.iter().filter(|method| method.name == *next);
            let of_it = methods
                .filter(|m| m.of.as_ref().and_then(|of| of.last()).is_some_and(|of| of == item));
            all.extend(of_it.map(|method| Target::Item(method.module, item)));
        }
        all
    }

    /// What a name means in a module.
    fn name(&mut self, at: usize, name: &str) -> Vec<Target<'a>> {
        let module = &self.krate.modules[at];
        let mut found = BTreeSet::new();
        let children = module.children.iter().filter(|(child, _)| child == name);
        found.extend(children.map(|(_, child)| Target::Module(*child)));
        found.extend(module.items.iter().filter(|item| item.name == name).map(|item| {
            if item.is_macro {
                Target::Macro(item.module)
            } else {
                Target::Item(item.module, &item.name)
            }
        }));
        let imports = module.imports.iter().enumerate().filter(|(_, import)| import.0 == name);
        for (number, (_, path)) in imports {
            found.extend(self.import(at, number, |walk| walk.path(at, path)));
        }
        if found.is_empty() {
            for (number, path) in module.globs.iter().enumerate() {
                let number = module.imports.len() + number;
                found.extend(self.import(at, number, |walk| walk.glob(at, path, name)));
            }
        }
        found.into_iter().collect()
    }

    /// Follows an import, unless it is being followed. The modules that hand on what lies elsewhere are remembered:
    /// the root may, and a folder for what lies within it.
    fn import(
        &mut self,
        at: usize,
        number: usize,
        follow: impl FnOnce(&mut Self) -> Vec<Target<'a>>,
    ) -> Vec<Target<'a>> {
        if !self.entered.insert((at, number)) {
            return Vec::new();
        }
        let targets = follow(self);
        self.entered.remove(&(at, number));
        let mut modules = targets.iter().filter_map(Target::module);
        let elsewhere = modules.any(|module| !self.krate.is_within(module, at));
        if elsewhere && at != self.from && self.krate.modules[at].file != 0 {
            self.handed_on.insert(at);
        }
        targets
    }

    fn glob(&mut self, at: usize, path: &'a [String], name: &str) -> Vec<Target<'a>> {
        let targets = self.path(at, path).into_iter();
        let modules: Vec<usize> = targets
            .filter(|target| matches!(target, Target::Module(_)))
            .filter_map(|target| target.module())
            .collect();
        modules.into_iter().flat_map(|module| self.name(module, name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;

    /// The files that the paths of `b.rs` lead to, in the order in which they are written.
    fn places(root: &str, a: &str, b: &str) -> Vec<String> {
        let files = [("lib.rs", root), ("a.rs", a), ("b.rs", b)];
        let sources = files.map(|(name, text)| (name.to_string(), text.to_string()));
        let krate = read(&sources.into()).unwrap();
        let paths = krate.paths.iter().filter(|path| krate.file(path.module) == "b.rs");
        let places = paths.flat_map(|path| resolve(&krate, path).defined);
        places.map(|module| krate.file(module).to_string()).collect()
    }

    const ROOT: &str =
        "mod a; mod b; pub use a::a; pub use a::B as C; mod all { pub use crate::a::*; }";

    #[test]
    fn a_path_leads_to_the_file_that_defines_its_item() {
        assert_eq!(places(ROOT, "pub fn a() {}", "fn f() { crate::a() }"), ["a.rs"]);
        assert_eq!(places(ROOT, "pub fn a() {}", "fn f() { super::a::a() }"), ["a.rs"]);
        assert_eq!(
            places(ROOT, "pub struct B;", "use crate::C as D; fn f(d: D) {}"),
            ["a.rs", "a.rs"]
        );
        assert_eq!(places(ROOT, "pub struct B;", "fn f(x: crate::all::B) {}"), ["a.rs"]);
        assert_eq!(places(ROOT, "pub enum B { X }", "use crate::C::*; fn f() { X }"), ["a.rs"]);
    }

    #[test]
    fn a_name_that_is_imported_from_a_module_of_that_name_is_found() {
        assert_eq!(places(ROOT, "pub fn a() {}", "use crate::a; fn f() { a() }"), ["a.rs", "a.rs"]);
    }

    #[test]
    fn what_another_crate_defines_is_of_the_module_that_hands_it_on() {
        let a = "pub use core::mem;";
        assert_eq!(places(ROOT, a, "fn f() { crate::a::mem::swap() }"), ["a.rs"]);
        let root = "mod a; mod b; pub use core::mem;";
        assert!(places(root, a, "fn f() { crate::mem::swap(); core::mem::swap() }").is_empty());
    }

    #[test]
    fn a_variable_and_the_prelude_are_of_no_module() {
        let b = "use core::fmt; fn f(a: u32) -> Option<u32> { let c = a; Some(c) }";
        assert!(places(ROOT, "pub fn a() {}", b).is_empty());
    }
}
