//! A crate as it was read: its files, its modules with the names in them, and every path that is written in it.

use std::collections::BTreeMap;

/// The text of each file, by its path below `src`.
pub type Sources = BTreeMap<String, String>;

/// A module: of a file, or inline.
#[derive(Default)]
pub struct Module {
    pub parent: Option<usize>,
    /// The file that it stands in.
    pub file: usize,
    pub children: Vec<(String, usize)>,
    pub items: Vec<Item>,
    /// Each imported name, and the path that it stands for.
    pub imports: Vec<(String, Vec<String>)>,
    /// The paths of the glob imports, without the star.
    pub globs: Vec<Vec<String>>,
}

/// A name that is defined in a module.
pub struct Item {
    pub name: String,
    /// The module that defines it: another one only for `#[macro_export]`, which puts the name at the root.
    pub module: usize,
    pub is_macro: bool,
}

/// How a path is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// In a `use` that only its module sees.
    Use,
    /// In a `use` that hands the name on.
    Reexport,
    /// In code, in a type, in an attribute, in a macro's tokens.
    Code,
    /// The name of a macro that is called.
    Macro,
    /// The name of a method that is called.
    Method,
}

/// A function of an `impl` or of a trait.
pub struct Method {
    pub name: String,
    /// The module in which it stands.
    pub module: usize,
    /// The type's path, of an `impl` without a trait.
    pub of: Option<Vec<String>>,
    /// Whether it takes `self`: only then it can be called as a method.
    pub takes_self: bool,
}

/// A path that is written somewhere.
pub struct Written {
    pub module: usize,
    pub line: usize,
    pub segments: Vec<String>,
    pub kind: Kind,
}

/// A crate. Its module 0 is the root, of the file 0.
#[derive(Default)]
pub struct Krate {
    /// Paths below `src`, in the order in which `mod` leads to them.
    pub files: Vec<String>,
    pub modules: Vec<Module>,
    pub paths: Vec<Written>,
    pub methods: Vec<Method>,
}

impl Krate {
    /// Adds a module and returns its number.
    pub fn add(&mut self, name: &str, parent: Option<usize>, file: usize) -> usize {
        let module = self.modules.len();
        self.modules.push(Module { parent, file, ..Module::default() });
        if let Some(parent) = parent {
            self.modules[parent].children.push((name.to_string(), module));
        }
        module
    }

    /// The path below `src` of the file in which a module stands.
    pub fn file(&self, module: usize) -> &str {
        &self.files[self.modules[module].file]
    }

    /// Whether `module` is `above` or lies within it.
    pub fn is_within(&self, module: usize, above: usize) -> bool {
        let mut at = Some(module);
        while let Some(module) = at {
            if module == above {
                return true;
            }
            at = self.modules[module].parent;
        }
        false
    }
}
