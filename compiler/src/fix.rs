//! Applying the fixes that diagnostics carry.
//!
//! Who reports a diagnostic knows spans and not the text around them; [`settle`] looks at that once all diagnostics are
//! there: what a removal leaves behind, and comments that would be lost. [`apply`] makes as many edits as are apart from
//! each other; the others have to wait until the result was checked again.

use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Span};
use crate::lexer::is_word;

/// Fits the edits of a diagnostic to the text they are about: a removal takes the blanks beside it, or its whole line
/// when nothing else is there, and a fix that would remove a comment is no longer certain.
pub(crate) fn settle(source: &[u8], diagnostic: &mut Diagnostic) {
    let Some(fix) = &mut diagnostic.fix else { return };
    for edit in &mut fix.edits {
        let replaced = source.get(edit.span.start as usize..edit.span.end as usize).unwrap_or_default();
        if replaced.windows(2).any(|pair| pair == b"//" || pair == b"/*") {
            fix.applicability = Applicability::Suggested;
        }
        if edit.text.is_empty() {
            widen(source, edit);
        } else {
            separate(source, edit);
        }
    }
}

/// Lets a removal take the blanks before it, if something else keeps its neighbours apart.
fn widen(source: &[u8], edit: &mut Edit) {
    let (start, end) = (edit.span.start as usize, edit.span.end as usize);
    let before = source.get(..start).unwrap_or_default();
    let after = source.get(end..).unwrap_or_default();
    let blanks = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let following = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    let first = matches!(before.get(..start - blanks).and_then(<[u8]>::last), None | Some(b'\n'));
    let (left, right) = match after.get(following) {
        // Nothing else in the line.
        Some(b'\n') if first => (blanks, following + 1),
        None if first => (blanks, following),
        // The first of its line: what follows takes its place.
        _ if first => (0, following),
        Some(byte) if following == 0 && !matches!(byte, b'\n' | b')' | b'}' | b',') => (0, 0),
        _ => (blanks, 0),
    };
    edit.span.start -= left as u32;
    edit.span.end += right as u32;
}

/// Keeps a new word apart from words beside it, and what is put first behind a byte order mark.
fn separate(source: &[u8], edit: &mut Edit) {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    if edit.span.end == 0 && source.starts_with(MARK) {
        edit.span = Span { start: MARK.len() as u32, end: MARK.len() as u32 };
    }
    let (start, end) = (edit.span.start as usize, edit.span.end as usize);
    let joins = |one: Option<&u8>, other: Option<&u8>| {
        one.copied().is_some_and(is_word) && other.copied().is_some_and(is_word)
    };
    let replaces = start < end;
    if replaces && joins(edit.text.as_bytes().last(), source.get(end)) {
        edit.text.push(' ');
    }
    if replaces && joins(edit.text.as_bytes().first(), source.get(start.wrapping_sub(1))) {
        edit.text.insert(0, ' ');
    }
}

/// Applies those of the fixes that are apart from each other, the first ones first. Two that are the same count as one.
/// Gives the new text, and how many were applied.
pub fn apply(source: &[u8], fixes: &[&Fix]) -> (Vec<u8>, usize) {
    let mut fixes = fixes.to_vec();
    fixes.sort_by(|a, b| a.edits.cmp(&b.edits));
    fixes.dedup_by(|a, b| a.edits == b.edits);
    let mut edits: Vec<&Edit> = Vec::new();
    let mut applied = 0;
    let mut end = None;
    for fix in fixes {
        let (Some(first), Some(last)) = (fix.edits.first(), fix.edits.last()) else { continue };
        let apart = fix.edits.windows(2).all(|pair| matches!(pair, [a, b] if a.span.end <= b.span.start));
        let known = fix.edits.iter().all(|edit| edit.span.start <= edit.span.end)
            && last.span.end as usize <= source.len();
        // Those that touch wait too: what keeps their neighbours apart may be what the other removes.
        if !apart || !known || end.is_some_and(|end| first.span.start <= end) {
            continue;
        }
        edits.extend(&fix.edits);
        end = Some(last.span.end);
        applied += 1;
    }
    let mut out = Vec::with_capacity(source.len());
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(source.get(at..edit.span.start as usize).unwrap_or_default());
        out.extend_from_slice(edit.text.as_bytes());
        at = edit.span.end as usize;
    }
    out.extend_from_slice(source.get(at..).unwrap_or_default());
    (out, applied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceId;

    fn settled(source: &str, remove: &str) -> (String, Applicability) {
        let start = source.find(remove).unwrap() as u32;
        let span = Span { start, end: start + remove.len() as u32 };
        let mut diagnostic =
            Diagnostic::error("E0001", SourceId(0), span, "", "").with_fix("", vec![Edit::remove(span)]);
        settle(source.as_bytes(), &mut diagnostic);
        let fix = diagnostic.fix.unwrap();
        let (text, applied) = apply(source.as_bytes(), &[&fix, &fix]);
        assert_eq!(applied, 1);
        (String::from_utf8(text).unwrap(), fix.applicability)
    }

    #[test]
    fn a_removal_takes_its_blanks_or_its_line() {
        use Applicability::{Certain, Suggested};
        let cases = [
            ("a b c", "b", "a c", Certain),
            ("a b", "b", "a", Certain),
            ("a b)", "b", "a)", Certain),
            ("a b+c", "b", "a +c", Certain),
            ("a\n  b\nc", "b", "a\nc", Certain),
            ("a\n  b \r\nc", "b", "a\nc", Certain),
            ("a\n  b c", "b", "a\n  c", Certain),
            ("b", "b", "", Certain),
            ("a b // c\n d", "b // c\n", "a d", Suggested),
        ];
        for (source, remove, wanted, applicability) in cases {
            assert_eq!(settled(source, remove), (wanted.to_owned(), applicability), "{source:?}");
        }
    }

    #[test]
    fn fixes_that_overlap_or_touch_wait() {
        let fix = |edits: &[(u32, u32, &str)]| Fix {
            applicability: Applicability::Certain,
            edits: edits.iter().map(|&(start, end, text)| Edit::replace(Span { start, end }, text)).collect(),
        };
        let (one, two, three) = (fix(&[(0, 1, "x"), (4, 5, "y")]), fix(&[(1, 2, "z")]), fix(&[(6, 6, "w")]));
        let beyond = fix(&[(7, 9, "")]);
        let mixed = fix(&[(9, 7, "")]);
        let (text, applied) = apply(b"abcdefgh", &[&three, &two, &one, &beyond, &mixed]);
        assert_eq!((text, applied), (b"xbcdyfwgh".to_vec(), 2));
    }
}
