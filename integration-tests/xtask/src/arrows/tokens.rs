//! The paths in a macro's tokens, whose meaning no parser knows.
//!
//! A path begins with an identifier that does not follow `::`, `.`, `'` or `$`, save that `$crate` begins one. It ends
//! where no `::` follows, at a metavariable or at `::<`. The groups and stars of a `use` are read as well.

use super::modules::Kind;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path among tokens.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub segments: Vec<String>,
    pub line: usize,
    pub kind: Kind,
}

/// Returns the paths in the tokens. A lone name counts when it is capitalised, called, or a macro that is called:
/// other lone names are mostly variables, fields and words of the macro.
pub fn paths(tokens: TokenStream) -> Vec<Found> {
    let mut found = Vec::new();
    scan(tokens, &mut found);
    found
}

fn scan(tokens: TokenStream, found: &mut Vec<Found>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => scan(group.stream(), found),
            TokenTree::Ident(ident) if begins(&tokens, at) => {
                at = path(&tokens, at, ident.to_string(), found);
                continue;
            }
            TokenTree::Ident(ident) if is_method(&tokens, at) => {
                let (segments, line) = (vec![ident.to_string()], ident.span().start().line);
                found.push(Found { segments, line, kind: Kind::Method });
            }
            _ => {}
        }
        at += 1;
    }
}

/// Whether the identifier there begins a path.
fn begins(tokens: &[TokenTree], at: usize) -> bool {
    match at.checked_sub(1).map(|before| &tokens[before]) {
        Some(TokenTree::Punct(before)) => match before.as_char() {
            '.' => at >= 2 && is(tokens, at - 2, '.'),
            '\'' => false,
            '$' => matches!(&tokens[at], TokenTree::Ident(ident) if ident == "crate"),
            ':' => !(at >= 2 && is_colons(tokens, at - 2)),
            _ => true,
        },
        _ => true,
    }
}

/// Whether the identifier there is `.name(` or `.name::<`.
fn is_method(tokens: &[TokenTree], at: usize) -> bool {
    let behind = at + 1;
    at >= 1
        && is(tokens, at - 1, '.')
        && (is_called(tokens, behind) || is_colons(tokens, behind) && is(tokens, behind + 2, '<'))
}

/// Whether arguments stand there.
fn is_called(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Group(arguments))
        if arguments.delimiter() == Delimiter::Parenthesis)
}

/// Reads the path that begins there, and returns where it ends.
fn path(tokens: &[TokenTree], begin: usize, first: String, found: &mut Vec<Found>) -> usize {
    let line = tokens[begin].span().start().line;
    let mut segments = vec![first];
    let mut at = begin + 1;
    while is_colons(tokens, at) {
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(ident)) => segments.push(ident.to_string()),
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => segments.push("*".into()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let before = found.len();
                scan(group.stream(), found);
                for inner in &mut found[before..] {
                    inner.segments.splice(0..0, segments.iter().cloned());
                    inner.kind = Kind::Code;
                }
                names(group.stream(), &segments, found);
                return at + 3;
            }
            _ => break,
        }
        at += 3;
    }
    let calls_macro = is(tokens, at, '!') && !is(tokens, at + 1, '=');
    let capital = segments[0].starts_with(char::is_uppercase);
    if segments.len() > 1 || calls_macro || is_called(tokens, at) || capital {
        let kind = if calls_macro { Kind::Macro } else { Kind::Code };
        found.push(Found { segments, line, kind });
    }
    at
}

/// The lone small names in the group of a `use`, which elsewhere do not count.
fn names(group: TokenStream, prefix: &[String], found: &mut Vec<Found>) {
    let tokens: Vec<TokenTree> = group.into_iter().collect();
    for part in tokens.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ',')) {
        let Some(TokenTree::Ident(name)) = part.first() else { continue };
        let name = name.to_string();
        if !is_colons(part, 1) && !name.starts_with(char::is_uppercase) {
            let mut segments = prefix.to_vec();
            if name != "self" {
                segments.push(name);
            }
            let line = part[0].span().start().line;
            found.push(Found { segments, line, kind: Kind::Code });
        }
    }
}

fn is(tokens: &[TokenTree], at: usize, char: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    is(tokens, at, ':') && is(tokens, at + 1, ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tokens: &str) -> Vec<String> {
        let tokens = tokens.parse().expect("these are tokens");
        paths(tokens).into_iter().map(|found| found.segments.join("::")).collect()
    }

    #[test]
    fn paths_in_tokens_are_found() {
        assert_eq!(read("x = $crate::a::b(1) + y.c"), ["crate::a::b"]);
        assert_eq!(read("($a:ty) => { super::f::<$a>(self::g) }"), ["super::f", "self::g"]);
        assert_eq!(read("crate::a::$name!(x)"), ["crate::a"]);
        assert_eq!(read("run(|| A { at: 0..b() })"), ["run", "A", "b"]);
    }

    #[test]
    fn a_use_among_tokens_is_found_with_its_groups() {
        let all = ["crate::a::B", "crate::a::c::D", "crate::a::c::e"];
        assert_eq!(read("use crate::a::{B, c::{D, e}};"), all);
        assert_eq!(read("pub use $crate::a::*;"), ["crate::a::*"]);
        assert_eq!(read("use super::a::{self, b as c};"), ["super::a", "super::a::b"]);
    }

    #[test]
    fn methods_that_are_called_are_found() {
        let tokens = "a.b(1).c.d::<E>()".parse().expect("these are tokens");
        let found = paths(tokens).into_iter().filter(|found| found.kind == Kind::Method);
        assert_eq!(found.map(|found| found.segments.concat()).collect::<Vec<_>>(), ["b", "d"]);
    }

    #[test]
    fn what_begins_no_path_is_not_found() {
        assert!(read("a.b + <t>::c ; ::std::mem ; 'a ; $x::y ; name ; 1.0").is_empty());
        assert!(read("if a != b {}").is_empty());
    }
}
