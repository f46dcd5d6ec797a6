//! The names that a `use` brings into a module.

use super::modules::Kind;
use super::read::Reader;
use syn::spanned::Spanned;

impl Reader<'_> {
    /// The `use` of one name, or of all.
    fn import(&mut self, mut path: Vec<String>, name: Option<String>, line: usize, kind: Kind) {
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let module = &mut self.krate.modules[self.module];
        match name {
            None => module.globs.push(path.clone()),
            Some(name) => module.imports.push((name, path.clone())),
        }
        self.write(path, line, kind);
    }

    /// Reads a `use`, from `path` on.
    pub fn tree(&mut self, tree: &syn::UseTree, mut path: Vec<String>, kind: Kind) {
        let line = tree.span().start().line;
        match tree {
            syn::UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.tree(&part.tree, path, kind);
            }
            syn::UseTree::Name(part) => {
                let own = part.ident.to_string();
                let name = if own == "self" { path.last().cloned() } else { Some(own.clone()) };
                path.push(own);
                self.import(path, Some(name.unwrap_or_default()), line, kind);
            }
            syn::UseTree::Rename(part) => {
                path.push(part.ident.to_string());
                self.import(path, Some(part.rename.to_string()), line, kind);
            }
            syn::UseTree::Glob(_) => self.import(path, None, line, kind),
            syn::UseTree::Group(group) => {
                for part in &group.items {
                    self.tree(part, path.clone(), kind);
                }
            }
        }
    }
}
