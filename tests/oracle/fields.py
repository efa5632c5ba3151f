"""Compares what two engines see in one file, field by field, and holds the list of differences that are known.

Input: what `yara_x.Module(…).invoke` and `hallmark inspect` say of a file. Output: a list of `Unlike`. A list or structure
without anything in it counts as one that is not there. Where two lists differ in length, their lengths are compared and
their items are not: what follows a missing one would differ too.
"""

import dataclasses
import datetime
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
ABSENT = "undefined"
# Characters of a value that are shown.
SHOWN = 70


@dataclass(frozen=True)
class Unlike:
    """A field about which the engines disagree; indexes in its path are left out."""

    module: str
    field: str
    theirs: str
    ours: str

    @property
    def kind(self) -> str:
        if self.theirs == ABSENT:
            return "only ours"
        return "only theirs" if self.ours == ABSENT else "values"


def settle(value):
    """The peer's value in the form of ours."""
    match value:
        case bool() | None | str() | float():
            return value
        case int():
            # In rules all numbers have a sign.
            return (value + (1 << 63)) % (1 << 64) - (1 << 63)
        case bytes():
            return text(value)
        case datetime.datetime():
            return (value - EPOCH) // datetime.timedelta(seconds=1)
        case list():
            return [settle(item) for item in value]
        case dict():
            return {key: settle(item) for key, item in value.items()}
    raise TypeError(f"no such value is known: {type(value)}")


def text(data: bytes) -> str:
    """As `hallmark inspect` writes bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        shown = (chr(b) if 0x20 <= b < 0x7F and b != 0x5C else f"\\x{b:02X}" for b in data)
        return "".join("\\\\" if b == 0x5C else s for b, s in zip(data, shown))


def compare(module: str, theirs, ours, constant: Callable[[str], int | None]) -> Iterator[Unlike]:
    """All differences; `constant` is the value of an integer that the peer gives by name."""
    yield from unlike(module, "", theirs, ours, constant)


def unlike(module: str, field: str, theirs, ours, constant) -> Iterator[Unlike]:
    if isinstance(theirs, str) and isinstance(ours, int):
        theirs = constant(theirs) if constant(theirs) is not None else theirs
    theirs, ours = (None if value == [] else value for value in (theirs, ours))
    match theirs, ours:
        case (dict(), dict() | None) | (None, dict()):
            one, other = theirs or {}, ours or {}
            for key in sorted(one.keys() | other.keys()):
                inner = f"{field}.{key}" if field else key
                yield from unlike(module, inner, one.get(key), other.get(key), constant)
        case list(), list() if len(theirs) == len(ours):
            for one, other in zip(theirs, ours):
                yield from unlike(module, f"{field}[]", one, other, constant)
        case list(), list():
            yield Unlike(module, f"{field}#", str(len(theirs)), str(len(ours)))
        case _ if (type(theirs), theirs) != (type(ours), ours):
            yield Unlike(module, field, shown(theirs), shown(ours))


def shown(value) -> str:
    written = ABSENT if value is None else repr(value)
    return written if len(written) <= SHOWN else f"{written[:SHOWN]}…"


@dataclass
class Entry:
    """A difference that is known: of a module, of fields that match a pattern, of one kind or any; in all files, or, with
    `damaged_files`, in so many damaged ones at most."""

    module: str
    field: str
    kind: str
    reason: str
    damaged_files: int | None = None
    covered: int = 0
    files: set[str] = dataclasses.field(default_factory=set)


class Known:
    """The list of them. What no difference needs is itself a failure."""

    def __init__(self, entries: list[Entry]):
        self.entries = entries

    @classmethod
    def load(cls, path: Path) -> "Known":
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls([Entry(**entry) for entry in table.get("known", [])])

    def covers(self, found: Unlike, file: str, damaged: bool) -> bool:
        for entry in self.entries:
            if entry.module == found.module and fnmatchcase(found.field, entry.field) \
                    and entry.kind in (found.kind, "any") and (damaged or entry.damaged_files is None):
                entry.covered += 1
                entry.files.add(file)
                return True
        return False

    def exceeded(self) -> list[Entry]:
        """Those that more files needed than were known."""
        return [entry for entry in self.entries
                if entry.damaged_files is not None and len(entry.files) > entry.damaged_files]

    def unneeded(self) -> list[Entry]:
        return [entry for entry in self.entries if not entry.covered]
