//! What each piece of the syntax tells the reader.

use super::modules::{Item, Kind};
use super::read::{Reader, join};
use super::{items, tokens};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if items::is_test(items::attributes(item)) {
            if let syn::Item::Mod(item) = item {
                let file = self.file_of(item, &item.ident.to_string());
                self.tests.insert(file);
            }
            return;
        }
        if let Some(name) = items::name(item) {
            self.define(name, false);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        match &item.content {
            None => {
                let file = self.file_of(item, &name);
                self.file(&file, &name, Some(self.module));
            }
            Some((_, content)) => {
                let file = self.krate.modules[self.module].file;
                let module = self.krate.add(&name, Some(self.module), file);
                let folder = join(&self.folder, &name);
                self.within(module, folder, |reader| {
                    content.iter().for_each(|item| reader.visit_item(item));
                });
            }
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            let private = matches!(item.vis, syn::Visibility::Inherited);
            self.tree(&item.tree, Vec::new(), if private { Kind::Use } else { Kind::Reexport });
        }
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        let Some(name) = &item.ident else {
            self.called(&item.mac.path);
            return self.items_in(&item.mac.tokens);
        };
        self.define(name.to_string(), true);
        if item.attrs.iter().any(|a| a.path().is_ident("macro_export")) {
            let (name, module) = (name.to_string(), self.module);
            self.krate.modules[0].items.push(Item { name, module, is_macro: true });
        }
        self.tokens(item.mac.tokens.clone());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.called(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = items::segments(path);
        let is_variable =
            segments.len() == 1 && self.bound.iter().any(|b| b.contains(&segments[0]));
        if path.leading_colon.is_none() && !is_variable {
            self.write(segments, path.span().start().line, Kind::Code);
        }
        visit::visit_path(self, path);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let path = attribute.path();
        if path.segments.len() > 1 {
            self.visit_path(path);
        }
        match &attribute.meta {
            syn::Meta::List(list) => {
                for found in tokens::paths(list.tokens.clone()) {
                    if found.segments.len() > 1 {
                        self.write(found.segments, found.line, found.kind);
                    }
                }
            }
            syn::Meta::NameValue(pair) => self.visit_expr(&pair.value),
            syn::Meta::Path(_) => {}
        }
    }

    // The path in `pub(in path)` is of a module above, and no arrow.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_foreign_item_fn(&mut self, item: &'ast syn::ForeignItemFn) {
        self.define(item.sig.ident.to_string(), false);
        visit::visit_foreign_item_fn(self, item);
    }

    fn visit_foreign_item_static(&mut self, item: &'ast syn::ForeignItemStatic) {
        self.define(item.ident.to_string(), false);
        visit::visit_foreign_item_static(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let bound = items::variables(|names| names.visit_item_fn(item));
        self.function(bound, |reader| visit::visit_item_fn(reader, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let outer = std::mem::replace(&mut self.of, items::type_of(item));
        visit::visit_item_impl(self, item);
        self.of = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !items::is_test(&item.attrs) {
            self.method(&item.sig);
            let bound = items::variables(|names| names.visit_impl_item_fn(item));
            self.function(bound, |reader| visit::visit_impl_item_fn(reader, item));
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let (name, line) = (call.method.to_string(), call.method.span().start().line);
        self.write(vec![name], line, Kind::Method);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.method(&item.sig);
        let bound = items::variables(|names| names.visit_trait_item_fn(item));
        self.function(bound, |reader| visit::visit_trait_item_fn(reader, item));
    }
}

impl Reader<'_> {
    /// The name of a macro that is called.
    fn called(&mut self, path: &syn::Path) {
        if path.leading_colon.is_none() {
            self.write(items::segments(path), path.span().start().line, Kind::Macro);
        }
    }

    /// What a macro is called with in the place of an item. Items in it, and in its braces (`cfg_if!`), are read as
    /// items; the rest as tokens.
    fn items_in(&mut self, tokens: &TokenStream) {
        if let Ok(file) = syn::parse2::<syn::File>(tokens.clone()) {
            return visit::visit_file(self, &file);
        }
        let mut rest = TokenStream::new();
        for token in tokens.clone() {
            let items = match &token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    syn::parse2::<syn::File>(group.stream()).ok()
                }
                _ => None,
            };
            match items {
                Some(items) => visit::visit_file(self, &items),
                None => rest.extend([token]),
            }
        }
        self.tokens(rest);
    }
}
