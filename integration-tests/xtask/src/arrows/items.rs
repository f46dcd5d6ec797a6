//! What the reader asks of an item: its name, its attributes, the variables in it.

use super::read::Impl;
use std::collections::BTreeSet;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta};

/// The name that an item puts into its module. Modules, macros and imports are told apart by the reader.
pub fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// The attributes of an item.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether `cfg(test)` is among them, or `cfg(all(…))` with `test` as a part.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let text = list.tokens.to_string().replace(' ', "");
            let all = text.strip_prefix("all(").and_then(|parts| parts.strip_suffix(')'));
            all.unwrap_or(&text).split(',').any(|part| part == "test")
        }
        _ => false,
    })
}

/// The file that `#[path = "…"]` names.
pub fn path_attribute(item: &syn::ItemMod) -> Option<String> {
    let attribute = item.attrs.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// The path of an `impl`'s type, if that is one.
pub fn type_of(item: &syn::ItemImpl) -> Option<Impl> {
    match &*item.self_ty {
        syn::Type::Path(path) if path.qself.is_none() => {
            Some(Impl { path: segments(&path.path), of_trait: item.trait_.is_some() })
        }
        _ => None,
    }
}

/// The names in a path.
pub fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// The names in small letters that patterns bind in what `visit` is called for.
pub fn variables(visit: impl FnOnce(&mut Variables)) -> BTreeSet<String> {
    let mut variables = Variables(BTreeSet::new());
    visit(&mut variables);
    variables.0
}

/// Collects them.
pub struct Variables(BTreeSet<String>);

impl<'ast> Visit<'ast> for Variables {
    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        let name = pattern.ident.to_string();
        // A pattern in capitals is a constant.
        if !name.starts_with(char::is_uppercase) {
            self.0.insert(name);
        }
        visit::visit_pat_ident(self, pattern);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_in_no_other_build_is_a_test() {
        let test = |cfg: &str| {
            let item = format!("#[inline] #[cfg({cfg})] fn f() {{}}");
            is_test(attributes(&syn::parse_str(&item).unwrap()))
        };
        assert!(test("test") && test("all(test, not(loom))") && test("all(not(loom), test)"));
        assert!(!test("not(test)") && !test("any(test, loom)") && !test("feature = \"test\""));
    }

    #[test]
    fn variables_are_the_small_names_in_patterns() {
        let item = syn::parse_str("fn f(a: u32) { if let (b, X) = g(|c| d) {} }").unwrap();
        let names = variables(|names| names.visit_item_fn(&item));
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
