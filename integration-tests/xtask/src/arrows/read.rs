//! Reading a crate: from `lib.rs` along every `mod`, with what each module defines, imports and names.
//!
//! All configurations are read at once, so a module may be there twice; only what stands under `cfg(test)` is left
//! out.

use super::modules::{Item, Kind, Krate, Method, Sources, Written};
use super::{items, tokens};
use std::collections::BTreeSet;
use syn::visit;

/// An `impl`: the path of its type, and whether it is of a trait.
pub struct Impl {
    pub path: Vec<String>,
    pub of_trait: bool,
}

/// Reads a crate. An error is a file that cannot be read, or that no `mod` leads to.
pub fn read(sources: &Sources) -> Result<Krate, String> {
    let mut krate = Krate::default();
    let mut tests = BTreeSet::new();
    let mut reader = Reader {
        krate: &mut krate,
        sources,
        tests: &mut tests,
        error: None,
        module: 0,
        folder: String::new(),
        bound: Vec::new(),
        of: None,
    };
    reader.file("lib.rs", "", None);
    if let Some(error) = reader.error {
        return Err(error);
    }
    let of_tests = |name: &str| tests.iter().any(|test| name == test || is_below(name, test));
    match sources.keys().find(|name| !krate.files.contains(name) && !of_tests(name)) {
        Some(name) => Err(format!("src/{name}: no `mod` leads to it; declare it or delete it")),
        None => Ok(krate),
    }
}

/// Whether `name` lies in the folder of the module that `file` is.
fn is_below(name: &str, file: &str) -> bool {
    name.strip_prefix(&folder_of(file)).is_some_and(|rest| rest.starts_with('/'))
}

/// The folder in which a file's modules lie; empty for the root.
fn folder_of(file: &str) -> String {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    match stem {
        "lib" => String::new(),
        _ => stem.strip_suffix("/mod").unwrap_or(stem).to_string(),
    }
}

/// A path in a folder, or at the root.
pub fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") }
}

/// What has been read, and where the reading is.
pub struct Reader<'a> {
    pub krate: &'a mut Krate,
    sources: &'a Sources,
    /// The files of modules that are there only in tests.
    pub tests: &'a mut BTreeSet<String>,
    error: Option<String>,
    /// The module that is being read.
    pub module: usize,
    /// Where the files of its modules lie.
    pub folder: String,
    /// The variables of the functions that are being read.
    pub bound: Vec<BTreeSet<String>>,
    /// The `impl` that is being read.
    pub of: Option<Impl>,
}

impl Reader<'_> {
    /// Reads a file as the module `name`.
    pub fn file(&mut self, path: &str, name: &str, parent: Option<usize>) {
        let syntax = match self.sources.get(path).map(|text| syn::parse_file(text)) {
            Some(Ok(syntax)) => syntax,
            Some(Err(error)) => {
                let at = error.span().start();
                self.error = Some(format!("src/{path}:{}:{}: {error}", at.line, at.column + 1));
                return;
            }
            None => {
                self.error = Some(format!("src/{path} is not there, which `mod {name}` names"));
                return;
            }
        };
        self.krate.files.push(path.to_string());
        let module = self.krate.add(name, parent, self.krate.files.len() - 1);
        let folder = folder_of(path);
        self.within(module, folder, |reader| visit::visit_file(reader, &syntax));
    }

    /// Reads with `module` as the one that is being read, whose files lie in `folder`.
    pub fn within(&mut self, module: usize, folder: String, read: impl FnOnce(&mut Self)) {
        let module = std::mem::replace(&mut self.module, module);
        let folder = std::mem::replace(&mut self.folder, folder);
        read(self);
        (self.module, self.folder) = (module, folder);
    }

    /// The file of a `mod name;`, of which one must be there.
    pub fn file_of(&self, item: &syn::ItemMod, name: &str) -> String {
        if let Some(path) = items::path_attribute(item) {
            let here = &self.krate.files[self.krate.modules[self.module].file];
            return join(here.rsplit_once('/').map_or("", |(folder, _)| folder), &path);
        }
        let inside = join(&self.folder, &format!("{name}/mod.rs"));
        let beside = join(&self.folder, &format!("{name}.rs"));
        if self.sources.contains_key(&inside) { inside } else { beside }
    }

    /// Notes a path. `Self` is the type of the `impl`.
    pub fn write(&mut self, mut segments: Vec<String>, line: usize, kind: Kind) {
        if let Some(of) = self.of.as_ref().filter(|_| segments[0] == "Self") {
            segments.splice(..1, of.path.iter().cloned());
        }
        self.krate.paths.push(Written { module: self.module, line, segments, kind });
    }

    /// Notes the paths in a macro's tokens.
    pub fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        for found in tokens::paths(tokens) {
            self.write(found.segments, found.line, found.kind);
        }
    }

    /// Notes a name that the module defines.
    pub fn define(&mut self, name: String, is_macro: bool) {
        let module = self.module;
        self.krate.modules[module].items.push(Item { name, module, is_macro });
    }

    /// Notes a function of an `impl` or a trait.
    pub fn method(&mut self, signature: &syn::Signature) {
        let (name, module, of) = (signature.ident.to_string(), self.module, self.of.as_ref());
        let of = of.filter(|of| !of.of_trait).map(|of| of.path.clone());
        let takes_self = signature.receiver().is_some();
        self.krate.methods.push(Method { name, module, of, takes_self });
    }

    /// A function: its variables are no paths.
    pub fn function(&mut self, bound: BTreeSet<String>, read: impl FnOnce(&mut Self)) {
        self.bound.push(bound);
        read(self);
        self.bound.pop();
    }
}
