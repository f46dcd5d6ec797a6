//! The page: its sections, and what stands in them.

/// What a section has.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// A row of a table, but for its head: the cells.
    Row(Vec<&'a str>),
    /// A paragraph or an item of a list, in one line.
    Text(String),
    /// A picture, or commands: the language, and a line.
    Fenced(&'a str, &'a str),
}

/// A section.
#[derive(Debug)]
pub struct Section<'a> {
    pub title: &'a str,
    pub chunks: Vec<Chunk<'a>>,
}

/// The page.
#[derive(Debug)]
pub struct Page<'a> {
    pub sections: Vec<Section<'a>>,
}

impl<'a> Page<'a> {
    /// Reads it.
    pub fn read(text: &'a str) -> Self {
        let mut page = Page { sections: vec![Section { title: "", chunks: Vec::new() }] };
        let mut language = None;
        let mut in_table = false;
        let mut goes_on = false;
        for line in text.lines() {
            let here = page.sections.last_mut().expect("it begins with one");
            let row = language.is_none() && line.starts_with('|');
            if let Some(info) = line.trim_start().strip_prefix("```") {
                language = if language.is_some() { None } else { Some(info) };
            } else if let Some(language) = language {
                here.chunks.push(Chunk::Fenced(language, line));
            } else if let Some(title) = line.strip_prefix("## ") {
                page.sections.push(Section { title, chunks: Vec::new() });
            } else if row {
                // The first two lines of a table are its head.
                match cells(line) {
                    _ if !in_table => {}
                    cells if cells.iter().all(|cell| cell.starts_with('-')) => {}
                    cells => here.chunks.push(Chunk::Row(cells)),
                }
            } else {
                let begins = ["- ", "1. ", "#"].iter().any(|start| line.starts_with(start));
                match here.chunks.last_mut() {
                    _ if line.trim().is_empty() => {}
                    Some(Chunk::Text(text)) if goes_on && !begins => {
                        text.push(' ');
                        text.push_str(line.trim());
                    }
                    _ => here.chunks.push(Chunk::Text(line.trim().to_string())),
                }
            }
            in_table = row;
            goes_on = !row && language.is_none() && !line.trim().is_empty();
        }
        page
    }

    /// The section with this title.
    pub fn section(&self, title: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.title == title)
    }
}

fn cells(line: &str) -> Vec<&str> {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    line.strip_suffix('|').unwrap_or(line).split('|').map(str::trim).collect()
}

/// What stands in backticks.
pub fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_into_sections_rows_paragraphs_and_pictures() {
        let text = "# T\n\n## A\n\none `a`\ntwo `b c`\n- item\n\n| x | y |\n|---|---|\n| 1 | `2` |\n\n```text\nf()\n```\n## B\n";
        let page = Page::read(text);
        let titles: Vec<&str> = page.sections.iter().map(|section| section.title).collect();
        assert_eq!(titles, ["", "A", "B"]);
        let chunks = [
            Chunk::Text("one `a` two `b c`".into()),
            Chunk::Text("- item".into()),
            Chunk::Row(vec!["1", "`2`"]),
            Chunk::Fenced("text", "f()"),
        ];
        assert_eq!(page.section("A").unwrap().chunks, chunks);
        assert_eq!(spans("one `a` two `b c`").collect::<Vec<_>>(), ["a", "b c"]);
    }
}
