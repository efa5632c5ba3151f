//! Whole cases: rules that refer to each other, in one or two namespaces, and data.

use std::fmt::Write as _;

use super::condition::{Scope, condition};
use super::{Draw, Written, base64, data, hex, regex, text, word};
use crate::trial::Trial;

/// Names of patterns; with the underscore they need not be used.
const NAMES: &[&str] = &["_a", "_ab", "_b", "_c"];

/// Rules and data.
pub fn case(draw: &mut Draw<'_>) -> Trial {
    let mut patterns = Vec::new();
    let namespaces = (0..draw.one(&[1, 1, 1, 2])).map(|_| namespace(draw, &mut patterns)).collect();
    Trial { namespaces, data: data(draw, &patterns) }
}

/// Up to four rules. Those named `p…` come first, and a rule below can mean all of them.
fn namespace(draw: &mut Draw<'_>, patterns: &mut Vec<Written>) -> String {
    let mut text = String::new();
    let (mut all, mut global): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let (group, others) = (draw.number(0, 2), draw.number(1, 2));
    for index in 0..group + others {
        let name = if index < group { format!("p{index}") } else { format!("q{index}") };
        let modifiers = draw.one(&["", "", "", "", "private ", "global ", "global private "]);
        // A global rule can refer to global ones only.
        let is_global = modifiers.contains("global");
        let rules = if is_global { global.clone() } else { all.clone() };
        let rules = if index < group { Vec::new() } else { rules };
        let mut scope = Scope { rules, ..Scope::default() };
        let mut strings = String::new();
        for name in &NAMES[..draw.number(0, NAMES.len())] {
            let written = pattern(draw);
            let anonymous = draw.chance(1);
            let private = if draw.chance(2) { " private" } else { "" };
            let name = if anonymous { "" } else { name };
            let _ = writeln!(strings, "    ${name} = {}{private}", written.text);
            if anonymous {
                scope.anonymous = true;
            } else {
                scope.patterns.push(name.to_owned());
            }
            patterns.push(written);
        }
        let head = if strings.is_empty() { "" } else { "strings:\n" };
        let height = draw.number(1, 4);
        let mut condition = condition(draw, &scope, height);
        if scope.anonymous {
            // A pattern without a name has to be used.
            condition = format!("({condition}) or 9 of them");
        }
        let _ = writeln!(text, "{modifiers}rule {name} {{ {head}{strings}condition:\n    {condition} }}");
        if is_global {
            global.push(name.clone());
        }
        all.push(name);
    }
    text
}

fn pattern(draw: &mut Draw<'_>) -> Written {
    match draw.number(0, 9) {
        0..=3 => text(draw),
        4 | 5 => hex(draw),
        6 | 7 => regex(draw),
        8 => word(draw),
        _ => base64(draw),
    }
}
