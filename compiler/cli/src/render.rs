//! Diagnostics for people: code, excerpt, labels and help, drawn as rustc draws them. Sources may hold any bytes.

use std::cell::OnceCell;
use std::io::{self, IsTerminal as _, Write as _};
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use hallmark_compiler::Source;
use hallmark_compiler::diagnostic::{Diagnostic, Severity, SourceId, Span};

/// Most bytes of source shown with one diagnostic; labels further apart than this lose the far ones.
const MAX_EXCERPT: usize = 16 << 10;

/// Whether standard error shows colours: a terminal, unless the user says otherwise.
pub fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && io::stderr().is_terminal()
}

/// Draws diagnostics.
pub struct Diagnostics<'a> {
    sources: &'a [Source],
    lines: Lines<'a>,
    renderer: Renderer,
}

impl<'a> Diagnostics<'a> {
    /// For diagnostics about these sources.
    pub fn new(sources: &'a [Source], colour: bool) -> Self {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        Diagnostics { sources, lines: Lines::new(sources), renderer }
    }

    /// Writes all of them to standard error, with an empty line after each. A closed standard error is nothing to
    /// stop for.
    pub fn print<'d>(&self, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) {
        let mut out = io::BufWriter::new(io::stderr().lock());
        for diagnostic in diagnostics {
            let _ = writeln!(out, "{}\n", self.render(diagnostic));
        }
        let _ = out.flush();
    }

    /// The help of a diagnostic with its edits drawn into the source, when it has some.
    fn suggestion<'d>(&self, diagnostic: &'d Diagnostic) -> Option<Group<'d>>
    where
        'a: 'd,
    {
        let fix = diagnostic.fix.as_ref()?;
        let source: &'a Source = self.sources.get(diagnostic.source.0 as usize)?;
        let shown = shown_together(&source.text, fix.edits.iter().map(|edit| edit.span))?;
        let (first_line, _) = self.lines.position(diagnostic.source, shown.start);
        let excerpt = Excerpt::new(&source.text, shown);
        let patches: Vec<_> = fix
            .edits
            .iter()
            .map(|edit| {
                let span = clamp(edit.span, source.text.len());
                Patch::new(excerpt.at(span.start)..excerpt.at(span.end), edit.text.as_str())
            })
            .collect();
        let snippet = Snippet::source(excerpt.text).line_start(first_line).path(source.name.as_str());
        let help = diagnostic.help.as_deref().unwrap_or_default();
        Some(Level::HELP.secondary_title(help).element(snippet.patches(patches)))
    }

    /// The lines that hold the labels, decoded, with the labels moved to where they are in the decoded text.
    fn snippet<'s>(&self, source: &'s Source, diagnostic: &'s Diagnostic) -> Snippet<'s, Annotation<'s>> {
        let text = source.text.as_slice();
        let primary = clamp(diagnostic.primary.span, text.len());
        let mut shown = whole_lines(text, &primary);
        let mut annotations = vec![(AnnotationKind::Primary, &diagnostic.primary)];
        for label in &diagnostic.secondary {
            let lines = whole_lines(text, &clamp(label.span, text.len()));
            let both = shown.start.min(lines.start)..shown.end.max(lines.end);
            if both.len() <= MAX_EXCERPT {
                shown = both;
                annotations.push((AnnotationKind::Context, label));
            }
        }
        let (first_line, _) = self.lines.position(diagnostic.source, shown.start);
        let excerpt = Excerpt::new(text, shown);
        let annotations: Vec<_> = annotations
            .into_iter()
            .map(|(kind, label)| {
                let span = clamp(label.span, text.len());
                let annotation = kind.span(excerpt.at(span.start)..excerpt.at(span.end));
                if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
            })
            .collect();
        Snippet::source(excerpt.text)
            .line_start(first_line)
            .path(source.name.as_str())
            .annotations(annotations)
    }

    /// One diagnostic, without a newline at its end.
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
        let mut group = match self.sources.get(diagnostic.source.0 as usize) {
            Some(source) => title.element(self.snippet(source, diagnostic)),
            None => Group::with_title(title),
        };
        let suggestion = self.suggestion(diagnostic);
        if let Some(help) = diagnostic.help.as_ref().filter(|_| suggestion.is_none()) {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let groups: Vec<_> = [group].into_iter().chain(suggestion).collect();
        self.renderer.render(&groups)
    }
}

/// The lines that the spans touch and those between them; `None` when that is too much to show.
fn shown_together(text: &[u8], spans: impl Iterator<Item = Span>) -> Option<Range<usize>> {
    let lines = spans.map(|span| whole_lines(text, &clamp(span, text.len())));
    lines.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).filter(|shown| shown.len() <= MAX_EXCERPT)
}

/// Lines and columns in sources, whose lines are counted when they are first asked for.
pub struct Lines<'a> {
    sources: &'a [Source],
    lines: Vec<OnceCell<hallmark_compiler::Lines<'a>>>,
}

impl<'a> Lines<'a> {
    /// For these sources.
    pub fn new(sources: &'a [Source]) -> Self {
        Lines { sources, lines: vec![OnceCell::new(); sources.len()] }
    }

    /// One-based line and column (in characters) of a byte offset.
    pub fn position(&self, source: SourceId, offset: usize) -> (usize, usize) {
        let index = source.0 as usize;
        let (Some(source), Some(lines)) = (self.sources.get(index), self.lines.get(index)) else {
            return (1, 1);
        };
        let lines = lines.get_or_init(|| hallmark_compiler::Lines::new(&source.text));
        lines.position(u32::try_from(offset).unwrap_or(u32::MAX))
    }
}

fn clamp(span: Span, len: usize) -> Range<usize> {
    let start = (span.start as usize).min(len);
    start..(span.end as usize).clamp(start, len)
}

/// The lines `span` touches, at most [`MAX_EXCERPT`] bytes of them.
fn whole_lines(text: &[u8], span: &Range<usize>) -> Range<usize> {
    let window_start = span.start.saturating_sub(MAX_EXCERPT / 4);
    let window_end = text.len().min(span.start + MAX_EXCERPT / 2);
    let end = span.end.min(window_end);
    let start = (window_start..span.start).rev().find(|&at| text.get(at) == Some(&b'\n'));
    let end = (end.saturating_sub(1).max(span.start)..window_end).find(|&at| text.get(at) == Some(&b'\n'));
    start.map_or(window_start, |at| at + 1)..end.map_or(window_end, |at| at + 1)
}

/// A piece of source as text, and where its bytes went.
struct Excerpt {
    text: String,
    start: usize,
    /// For each byte of the piece, and its end, the offset in `text`.
    offsets: Vec<usize>,
}

impl Excerpt {
    fn new(text: &[u8], range: Range<usize>) -> Self {
        let start = range.start;
        let mut excerpt =
            Excerpt { text: String::new(), start, offsets: Vec::with_capacity(range.len() + 1) };
        for chunk in text.get(range).unwrap_or_default().utf8_chunks() {
            for ch in chunk.valid().chars() {
                excerpt.push(ch.len_utf8(), ch);
            }
            if !chunk.invalid().is_empty() {
                excerpt.push(chunk.invalid().len(), char::REPLACEMENT_CHARACTER);
            }
        }
        excerpt.offsets.push(excerpt.text.len());
        excerpt
    }

    fn push(&mut self, source_bytes: usize, ch: char) {
        self.offsets.extend(std::iter::repeat_n(self.text.len(), source_bytes));
        self.text.push(ch);
    }

    fn at(&self, source_offset: usize) -> usize {
        let index = source_offset.saturating_sub(self.start);
        self.offsets.get(index).copied().unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use hallmark_compiler::diagnostic::Edit;

    use super::*;

    fn source(text: &[u8]) -> Source {
        Source { name: "a.yar".into(), namespace: "default".into(), text: text.to_vec() }
    }

    fn span(text: &[u8], part: &[u8]) -> Span {
        let start = text.windows(part.len()).position(|w| w == part).unwrap() as u32;
        Span { start, end: start + part.len() as u32 }
    }

    fn render(text: &[u8], diagnostic: &Diagnostic) -> String {
        Diagnostics::new(&[source(text)], false).render(diagnostic)
    }

    #[test]
    fn looks_like_rustc() {
        let text = b"rule a {\n\tcondition: foo\n}\n";
        let diagnostic = Diagnostic::error("E0100", SourceId(0), span(text, b"foo"), "no `foo`", "not known")
            .with_label(span(text, b"a "), "in this rule")
            .with_help("define it");
        let out = render(text, &diagnostic);
        assert!(out.starts_with("error[E0100]: no `foo`\n"), "{out}");
        assert!(out.contains("--> a.yar:2:13"), "{out}");
        assert!(out.contains("^^^ not known"), "{out}");
        assert!(out.contains("in this rule"), "{out}");
        assert!(out.contains("= help: define it"), "{out}");
        let caret = out.lines().find(|line| line.contains("^^^")).unwrap();
        let code = out.lines().find(|line| line.contains("condition: foo")).unwrap();
        assert_eq!(caret.find('^'), code.find("foo"), "{out}");
    }

    #[test]
    fn edits_are_drawn_into_the_source() {
        let text = b"\xFFrule a {\n\tcondition: b && c\n}\n";
        let edits = vec![Edit::replace(span(text, b"&&"), "and")];
        let diagnostic = Diagnostic::error("E0022", SourceId(0), span(text, b"&&"), "m", "")
            .with_fix("write `and`", edits);
        let out = render(text, &diagnostic);
        assert!(out.contains("help: write `and`"), "{out}");
        assert!(out.contains("condition: b and c"), "{out}");
        let far = vec![Edit::remove(Span { start: 0, end: 1 }), Edit::insert(3 * MAX_EXCERPT as u32, "x")];
        let long = vec![b'\n'; 4 * MAX_EXCERPT];
        let diagnostic = diagnostic.with_suggestion("too much to show", far);
        assert!(render(&long, &diagnostic).contains("= help: too much to show"));
    }

    #[test]
    fn bytes_that_are_not_text_keep_carets_in_place() {
        let text = b"\xFF\xFE\xFD rule \x1B[31m bad\n";
        let out = render(text, &Diagnostic::error("E0004", SourceId(0), span(text, b"bad"), "m", "here"));
        let caret = out.lines().find(|line| line.contains('^')).unwrap();
        let code = out.lines().find(|line| line.contains("bad")).unwrap();
        let column = |line: &str, what: &str| line[..line.find(what).unwrap()].chars().count();
        assert_eq!(column(caret, "^"), column(code, "bad"), "{out}");
        assert!(!out.contains('\x1B'), "{out:?}");
    }

    #[test]
    fn any_span_of_any_text_is_drawn() {
        let long = [vec![b'x'; 3 * MAX_EXCERPT], b"\n".to_vec(), vec![b'\n'; 3 * MAX_EXCERPT]].concat();
        for text in [b"".as_slice(), b"\n", b"\n\n", b"a\nb", "é\u{200B}漢".as_bytes(), &long] {
            let len = text.len() as u32;
            for (start, end) in
                [(0, 0), (0, len), (len, len), (len, len + 9), (len / 2, len), (9, 3), (len / 2, len / 2 + 1)]
            {
                let span = Span { start, end };
                let diagnostic =
                    Diagnostic::warning("W0001", SourceId(0), span, "m", "").with_label(span, "x");
                assert!(render(text, &diagnostic).contains("warning[W0001]"));
            }
        }
        let elsewhere = Diagnostic::warning("W0001", SourceId(7), Span::default(), "m", "");
        assert!(render(b"", &elsewhere).contains("W0001"));
    }

    #[test]
    fn positions_are_one_based() {
        let sources = [source("a\né b".as_bytes()), source(b"\n\n")];
        let lines = Lines::new(&sources);
        let at = |source, offset| lines.position(SourceId(source), offset);
        assert_eq!(
            [at(0, 0), at(0, 1), at(0, 2), at(0, 5), at(0, 99)],
            [(1, 1), (1, 2), (2, 1), (2, 3), (2, 4)]
        );
        assert_eq!([at(1, 0), at(1, 1), at(1, 2)], [(1, 1), (2, 1), (3, 1)]);
        assert_eq!(at(2, 7), (1, 1));
    }
}
