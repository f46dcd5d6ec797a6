//! The example keeps its word.

#[test]
fn the_runtime_of_sixty_lines_has_no_more() {
    let source = include_str!("../examples/sixty_lines/runtime.rs");
    let says_something = |line: &&str| {
        !["//", "#", "use ", "unsafe {"].iter().any(|start| line.trim().starts_with(start))
            && line.contains(char::is_alphanumeric)
    };
    let lines = source.lines().filter(says_something).count();
    assert!((40..=60).contains(&lines), "{lines} lines");
}
