"""Results and exceptions: what is plain data, without the compiler or the scanner."""

from typing import NamedTuple, Optional

# Diagnostics that an exception shows; all are in its `diagnostics`.
_MOST_SHOWN = 20


def _printable(text):
    """Text for a terminal: control characters and what is not UTF-8 are escaped, line ends stay."""
    shown = (c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text)
    return "".join(shown)


class Diagnostic(NamedTuple):
    """What the compiler says about a rule; `str()` of it is readable.

    `line` and `column` count from 1, columns in characters. `label` is what to say at that place and may be empty.
    """

    code: str
    severity: str
    message: str
    path: str
    line: int
    column: int
    label: str
    help: Optional[str]

    def __str__(self):
        lines = [f"{self.severity}[{self.code}]: {self.message}", f"  --> {self.path}:{self.line}:{self.column}"]
        if self.label:
            lines[1] += f": {self.label}"
        if self.help is not None:
            lines.append(f"  = help: {self.help}")
        return "\n".join(_printable(line.replace("\n", " ")) for line in lines)


class Rejected(NamedTuple):
    """A rule that was left out because of an error; `rule` is None where no name could be read."""

    rule: Optional[str]
    code: str
    message: str
    path: str
    line: int
    column: int


class Incomplete(NamedTuple):
    """Something that was not evaluated.

    `what` is "data" (nothing was scanned), "patterns" (no condition was evaluated), "rules" (some conditions were
    not), "matches" (some matches are not listed), or a pattern as "namespace:rule:$id". `why` is a sentence.
    """

    what: str
    why: str


class Stats(NamedTuple):
    """Counts of one scan: bytes, places where an atom was seen, matches, rules and steps evaluated."""

    bytes: int
    candidates: int
    matches: int
    rules_evaluated: int
    steps: int


class Error(Exception):
    """The base of all exceptions of this package."""


class CompileError(Error):
    """Rules have errors, or cannot be read. `diagnostics` has all of them, warnings too."""

    def __init__(self, message, diagnostics=()):
        super().__init__(message)
        self.diagnostics = list(diagnostics)

    @classmethod
    def _of(cls, diagnostics, note):
        errors = [str(found) for found in diagnostics if found.severity == "error"]
        shown = errors[:_MOST_SHOWN]
        if len(errors) > len(shown):
            shown.append(f"{len(errors) - len(shown)} more errors are in `diagnostics`")
        if note is not None:
            shown.append(note)
        return cls("\n".join(shown), diagnostics)


class DatabaseError(Error):
    """A database cannot be opened, or is not trusted."""


class ScanError(Error):
    """Something could not be scanned at all, or `ScanResult.check()` found a scan incomplete."""


class ScanResult(list):
    """The rules that match, as a list of `Match`, and what the scan did not look at.

    It is true when something matched. While it is not `complete`, a rule that is not listed may match nevertheless;
    `check()` makes an exception of that. `messages` is what rules wrote with `console.log`, `stats` counts.
    """

    __slots__ = ("incomplete", "messages", "stats")

    def __init__(self, matches, incomplete, messages, stats):
        super().__init__(matches)
        self.incomplete = [Incomplete(what, why) for what, why in incomplete]
        self.messages = messages
        self.stats = Stats(*stats)

    @property
    def matches(self):
        """The matching rules, as a list of their own."""
        return list(self)

    @property
    def complete(self):
        """Whether everything was evaluated."""
        return not self.incomplete

    def check(self):
        """Gives the result back, or raises `ScanError` if something was not evaluated.

        >>> for match in db.scan(data, timeout=5).check(): ...
        """
        if self.incomplete:
            missing = "; ".join(f"{what}: {why}" for what, why in self.incomplete)
            raise ScanError(f"not everything was evaluated: {_printable(missing)}")
        return self

    def __repr__(self):
        return f"ScanResult({super().__repr__()}, incomplete={self.incomplete!r})"
