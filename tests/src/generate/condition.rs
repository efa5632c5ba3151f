//! Conditions: everything the language has, modules apart.

use super::{Draw, regex};

/// What a condition can refer to.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// Names of the patterns, without `$`.
    pub patterns: Vec<String>,
    /// Whether there are patterns without a name, which only sets can refer to.
    pub anonymous: bool,
    /// Names of rules above.
    pub rules: Vec<String>,
    /// Loop variables, and names that `with` gave, by type.
    pub vars: Vec<(Type, String)>,
    /// Whether `$` stands for a pattern.
    pub current: bool,
    /// How many loops are around.
    pub loops: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Float,
    Str,
}

use Type::{Bool, Float, Int, Str};

/// Loops in loops that are written at most; each multiplies the work.
const MAX_LOOPS: usize = 3;

/// A condition of at most this height.
pub(super) fn condition(draw: &mut Draw<'_>, scope: &Scope, height: usize) -> String {
    // A number or a text can be a condition as well.
    let of = draw.one(&[Bool, Bool, Bool, Bool, Bool, Bool, Bool, Bool, Bool, Bool, Int, Float, Str]);
    scope.value(draw, of, height)
}

impl Scope {
    fn value(&self, draw: &mut Draw<'_>, of: Type, height: usize) -> String {
        // When there are no choices left, what is simple is enough.
        let height = if draw.is_empty() { 0 } else { height };
        if height > 0 && draw.chance(1) {
            return self.with(draw, of, height - 1);
        }
        match of {
            Bool => self.bool(draw, height),
            Int => self.int(draw, height),
            Float => self.float(draw, height),
            Str => self.str(draw, height),
        }
    }

    fn var(&self, draw: &mut Draw<'_>, of: Type) -> Option<String> {
        let fitting: Vec<&String> =
            self.vars.iter().filter(|(ty, _)| *ty == of).map(|(_, name)| name).collect();
        (!fitting.is_empty() && draw.chance(8)).then(|| draw.one(&fitting).clone())
    }

    fn int(&self, draw: &mut Draw<'_>, height: usize) -> String {
        if let Some(var) = self.var(draw, Int) {
            return var;
        }
        let kind = draw.number(0, if height == 0 { 5 } else { 15 });
        if height == 0 || kind <= 5 {
            return match (kind, self.pattern(draw)) {
                (2, Some(id)) => format!("#{id}"),
                (3, Some(id)) => format!("@{id}"),
                (4, Some(id)) => format!("!{id}"),
                (5, _) => {
                    draw.one(&["number", "filesize", "entrypoint", "7", "0x10", "1KB", "-1"]).to_owned()
                }
                (1, _) => "filesize".to_owned(),
                _ => draw.one(&["0", "1", "2", "3", "5", "0xFF", "9223372036854775807"]).to_owned(),
            };
        }
        let below = height - 1;
        let mut int = || self.value(draw, Int, below);
        match kind {
            6 | 7 => {
                let (a, b) = (int(), int());
                let op = draw.one(&["+", "-", "*", "\\", "%", "&", "|", "^", "<<", ">>"]);
                format!("({a} {op} {b})")
            }
            8 => format!("-({})", int()),
            9 => format!("~({})", int()),
            10 | 11 => {
                let offset = int();
                let name = draw.one(&["uint8", "uint16", "uint32", "int8", "int16", "int32"]);
                format!("{name}{}({offset})", draw.one(&["", "be"]))
            }
            _ => {
                let Some(id) = self.pattern(draw) else { return self.int(draw, 0) };
                match kind {
                    12 => format!("@{id}[{}]", self.value(draw, Int, below)),
                    13 => format!("!{id}[{}]", self.value(draw, Int, below)),
                    _ => format!("#{id} in {}", self.offsets(draw, below)),
                }
            }
        }
    }

    fn float(&self, draw: &mut Draw<'_>, height: usize) -> String {
        if let Some(var) = self.var(draw, Float) {
            return var;
        }
        if height == 0 {
            return draw.one(&["0.5", "1.0", "2.5", "share", "0.0"]).to_owned();
        }
        let (below, op) = (height - 1, draw.one(&["*", "+", "-", "\\"]));
        match draw.number(0, 3) {
            0 => self.float(draw, 0),
            1 => format!("({} {op} {})", self.value(draw, Int, below), self.value(draw, Float, below)),
            2 => format!("({} {op} {})", self.value(draw, Float, below), self.value(draw, Float, below)),
            _ => format!("-({})", self.value(draw, Float, below)),
        }
    }

    fn str(&self, draw: &mut Draw<'_>, _height: usize) -> String {
        let var = self.var(draw, Str);
        var.unwrap_or_else(|| {
            draw.one(&["word", "\"ab\"", "\"\"", "\"aB1\"", "\"b\\x00\"", "\"a1b\""]).to_owned()
        })
    }

    fn bool(&self, draw: &mut Draw<'_>, height: usize) -> String {
        if let Some(var) = self.var(draw, Bool) {
            return var;
        }
        let kind = draw.number(0, if height == 0 { 5 } else { 25 });
        if height == 0 || kind <= 5 {
            return match (kind, self.pattern(draw)) {
                (0..=2, Some(id)) => format!("${id}"),
                (3, _) if self.has_patterns() => {
                    format!("{} of {}", self.quantifier(draw, 0), self.set(draw))
                }
                (4, _) if !self.rules.is_empty() => draw.one(&self.rules.iter().collect::<Vec<_>>()).clone(),
                (5, _) => draw.one(&["flag", "true", "false", "filesize > 3", "(number == 3)"]).to_owned(),
                _ => draw.one(&["true", "false", "flag"]).to_owned(),
            };
        }
        let below = height - 1;
        let mut bool = || self.value(draw, Bool, below);
        match kind {
            6 | 7 => format!("({} and {})", bool(), bool()),
            8 => format!("({} or {})", bool(), bool()),
            9 => format!("({} and {} and {})", bool(), bool(), bool()),
            10 => format!("not ({})", bool()),
            11 => format!("(({}) == {})", bool(), bool_literal(draw)),
            12 => {
                let of = draw.one(&[Int, Int, Float, Str, Bool]);
                format!("defined ({})", self.value(draw, of, below))
            }
            13 | 14 => self.compared(draw, below),
            15 => self.texts(draw, below),
            16..=21 if self.has_patterns() => self.of_patterns(draw, kind, below),
            22 => self.of_rules(draw, below),
            _ if self.loops < MAX_LOOPS => self.for_in(draw, below),
            _ => self.compared(draw, below),
        }
    }

    fn compared(&self, draw: &mut Draw<'_>, below: usize) -> String {
        let op = draw.one(&["==", "!=", "<", "<=", ">", ">="]);
        let (a, b) =
            draw.one(&[(Int, Int), (Int, Int), (Int, Int), (Int, Float), (Float, Float), (Str, Str)]);
        format!("({} {op} {})", self.value(draw, a, below), self.value(draw, b, below))
    }

    fn texts(&self, draw: &mut Draw<'_>, below: usize) -> String {
        let left = self.value(draw, Str, below);
        if draw.chance(4) {
            let written = regex(draw).text;
            let end = written.rfind('/').map_or(0, |at| at + 1);
            let flags = written[end..].split(' ').next().unwrap_or_default().to_owned();
            return format!("({left} matches {}{flags})", &written[..end]);
        }
        let op = draw.one(&[
            "contains",
            "icontains",
            "startswith",
            "istartswith",
            "endswith",
            "iendswith",
            "iequals",
        ]);
        format!("({left} {op} {})", self.value(draw, Str, below))
    }

    /// What asks for patterns in other ways than by their names.
    fn of_patterns(&self, draw: &mut Draw<'_>, kind: usize, below: usize) -> String {
        let place = |this: &Self, draw: &mut Draw<'_>| match draw.chance(8) {
            true => format!("at ({})", this.value(draw, Int, below)),
            false => format!("in {}", this.offsets(draw, below)),
        };
        match (kind, self.pattern(draw)) {
            (16 | 17, Some(id)) => format!("${id} {}", place(self, draw)),
            (18, _) => {
                format!("{} of {} {}", self.quantifier(draw, below), self.set(draw), place(self, draw))
            }
            (19, _) => format!("{} of {}", self.quantifier(draw, below), self.set(draw)),
            _ if self.loops < MAX_LOOPS => {
                let (quantifier, set) = (self.quantifier(draw, below), self.set(draw));
                let inner = Scope { current: true, loops: self.loops + 1, ..self.clone() };
                format!("for {quantifier} of {set} : ({})", inner.value(draw, Bool, below))
            }
            _ => format!("{} of {}", self.quantifier(draw, below), self.set(draw)),
        }
    }

    /// Sets of rules and of truth values.
    fn of_rules(&self, draw: &mut Draw<'_>, below: usize) -> String {
        let quantifier = self.quantifier(draw, below);
        if self.rules.is_empty() || draw.chance(8) {
            let members: Vec<String> = (0..draw.number(1, 3))
                .map(|_| format!("{} or false", self.value(draw, Bool, below)))
                .collect();
            return format!("{quantifier} of ({})", members.join(", "));
        }
        let rules: Vec<&String> = self.rules.iter().collect();
        // Of the rules above, those named `p…` are a group that no rule below adds to.
        let group = self.rules.iter().any(|name| name.starts_with('p'))
            && !self.rules.last().is_some_and(|n| n.starts_with('p'));
        let mut members: Vec<String> = (0..draw.number(1, 3)).map(|_| draw.one(&rules).clone()).collect();
        if group && draw.chance(8) {
            members.push("p*".to_owned());
        }
        format!("{quantifier} of ({})", members.join(", "))
    }

    fn for_in(&self, draw: &mut Draw<'_>, below: usize) -> String {
        let name = ["i", "j", "k"][self.loops.min(2)];
        let quantifier = self.quantifier(draw, below);
        let (of, items) = match draw.number(0, 7) {
            0..=2 => {
                let high = self.value(draw, Int, below);
                (Int, format!("({}..{high} % 8)", draw.one(&["0", "1", "-2", "filesize - 5"])))
            }
            3 | 4 if !self.patterns.is_empty() => {
                (Int, format!("(1..#{})", draw.one(&self.patterns.iter().collect::<Vec<_>>())))
            }
            _ => {
                let of = draw.one(&[Int, Int, Str, Float, Bool]);
                let items: Vec<String> =
                    (0..draw.number(1, 3)).map(|_| self.value(draw, of, below)).collect();
                (of, format!("({})", items.join(", ")))
            }
        };
        let mut inner = Scope { loops: self.loops + 1, ..self.clone() };
        inner.vars.push((of, name.to_owned()));
        format!("for {quantifier} {name} in {items} : ({})", inner.value(draw, Bool, below))
    }

    fn with(&self, draw: &mut Draw<'_>, of: Type, below: usize) -> String {
        let mut inner = self.clone();
        let mut bindings = Vec::new();
        for _ in 0..draw.number(1, 2) {
            let ty = draw.one(&[Int, Str, Float, Bool, of]);
            let name = format!("w{}", inner.vars.len());
            bindings.push(format!("{name} = {}", inner.value(draw, ty, below)));
            inner.vars.push((ty, name));
        }
        format!("(with {} : ({}))", bindings.join(", "), inner.value(draw, of, below))
    }

    fn quantifier(&self, draw: &mut Draw<'_>, below: usize) -> String {
        match draw.number(0, 11) {
            0..=2 => "any".to_owned(),
            3 | 4 => "all".to_owned(),
            5 => "none".to_owned(),
            6 | 7 => draw.one(&["1", "2", "3", "0"]).to_owned(),
            8 => draw.one(&["50%", "34%", "1%", "100%", "67%"]).to_owned(),
            9 => format!("(({}) & 3)", self.value(draw, Int, below)),
            10 => format!("(({}) & 127)%", self.value(draw, Int, below)),
            _ => "2".to_owned(),
        }
    }

    fn offsets(&self, draw: &mut Draw<'_>, below: usize) -> String {
        let low = draw.one(&["0", "1", "filesize - 9", "4", "filesize"]);
        format!("({low}..{})", self.value(draw, Int, below))
    }

    fn has_patterns(&self) -> bool {
        !self.patterns.is_empty() || self.anonymous
    }

    /// The name of a pattern; none for the one of the loop.
    fn pattern(&self, draw: &mut Draw<'_>) -> Option<String> {
        if self.current && (self.patterns.is_empty() || draw.chance(8)) {
            return Some(String::new());
        }
        (!self.patterns.is_empty()).then(|| draw.one(&self.patterns.iter().collect::<Vec<_>>()).clone())
    }

    fn set(&self, draw: &mut Draw<'_>) -> String {
        if self.patterns.is_empty() || draw.chance(8) {
            return draw.one(&["them", "($*)"]).to_owned();
        }
        let names: Vec<&String> = self.patterns.iter().collect();
        let members: Vec<String> = (0..draw.number(1, 3)).map(|_| format!("${}", draw.one(&names))).collect();
        match draw.chance(4) {
            true => format!("({}, $_{}*)", members.join(", "), draw.one(&["a", ""])).replace("$_*", "$*"),
            false => format!("({})", members.join(", ")),
        }
    }
}

fn bool_literal(draw: &mut Draw<'_>) -> &'static str {
    draw.one(&["true", "false", "flag", "1"])
}
