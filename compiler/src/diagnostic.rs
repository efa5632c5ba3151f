//! What the compiler says about rules: codes, spans, labels and help. Rendering belongs to the command line.

/// Index of a source in the list given to the compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// Half-open range of byte offsets within one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The smallest span holding both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// How serious a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The rule, or the file, is refused.
    Error,
    /// The rule compiles, but probably doesn't mean what it says.
    Warning,
}

/// A diagnostic. Codes (`E0001`, `W0001`) are stable and never reused; see `codes.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The source it is about.
    pub source: SourceId,
    /// One line that says what is wrong.
    pub message: String,
    /// The place, and what to say there.
    pub primary: Label,
    /// Other places of the same source that explain it.
    pub secondary: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
    /// The edits that do it, when they are known; `help` says what they are.
    pub fix: Option<Fix>,
}

/// Edits of the diagnostic's source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fix {
    /// Whether they can be applied unseen.
    pub applicability: Applicability,
    /// The edits, in order and apart from each other.
    pub edits: Vec<Edit>,
}

/// How sure a fix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applicability {
    /// It keeps the meaning, or the text was refused and can have meant nothing else.
    Certain,
    /// It is one of several possibilities; somebody has to decide.
    Suggested,
}

/// A replacement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// What is replaced; may be empty.
    pub span: Span,
    /// By what; may be empty.
    pub text: String,
}

impl Edit {
    /// Replaces a span.
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        Edit { span, text: text.into() }
    }

    /// Removes a span.
    pub fn remove(span: Span) -> Self {
        Edit { span, text: String::new() }
    }

    /// Inserts before an offset.
    pub fn insert(at: u32, text: impl Into<String>) -> Self {
        Edit { span: Span { start: at, end: at }, text: text.into() }
    }
}

/// A span and what to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What to say there; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// An error with one label.
    pub fn error(
        code: &'static str,
        source: SourceId,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Diagnostic {
            code,
            severity: Severity::Error,
            source,
            message: message.into(),
            primary: Label { span, text: label.into() },
            secondary: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// A warning with one label.
    pub fn warning(
        code: &'static str,
        source: SourceId,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Diagnostic { severity: Severity::Warning, ..Self::error(code, source, span, message, label) }
    }

    /// Adds what to do about it.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do about it, with the edits that do it and can be made unseen.
    pub fn with_fix(self, help: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.with_edits(help, Applicability::Certain, edits)
    }

    /// Adds what may have been meant, with the edits that make it so.
    pub fn with_suggestion(self, help: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.with_edits(help, Applicability::Suggested, edits)
    }

    fn with_edits(mut self, help: impl Into<String>, applicability: Applicability, edits: Vec<Edit>) -> Self {
        self.help = Some(help.into());
        self.fix = Some(Fix { applicability, edits });
        self
    }

    /// The fix, if it can be applied unseen.
    pub fn certain_fix(&self) -> Option<&Fix> {
        self.fix.as_ref().filter(|fix| fix.applicability == Applicability::Certain)
    }

    /// Adds another place.
    pub fn with_label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }
}
