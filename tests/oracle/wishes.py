"""What a file has to be like for a condition to hold, as `wisher` collects it."""

from dataclasses import dataclass, field

import pe_file

# Pattern matches that are written at most for a count.
MAX_COUNT = 1200


class Impossible(Exception):
    """There is no way known to bring this about."""


@dataclass
class Place:
    """An offset: a number of bytes after something. `base` is None (the start), `end`, `entry`, `pe`, or a pattern."""

    base: object
    delta: int


@dataclass
class Wishes:
    """What a file has to be like. Patterns are (rule, id)."""

    present: dict = field(default_factory=dict)  # pattern -> how often at least
    absent: set = field(default_factory=set)
    places: dict = field(default_factory=dict)  # pattern -> Place
    ranges: dict = field(default_factory=dict)  # pattern -> (Place, Place)
    order: list = field(default_factory=list)  # pattern, then one that stands after it
    numbers: list = field(default_factory=list)  # (Place, bytes)
    least_size: int = 0
    most_size: int = 1 << 62
    pe: pe_file.Pe | None = None
    facts: dict = field(default_factory=dict)  # PE facts that were asked for, so that none is asked for twice

    def want(self, pattern, count: int = 1) -> None:
        if pattern in self.absent or count > MAX_COUNT:
            raise Impossible(f"{pattern[1]} {count} times")
        self.present[pattern] = max(count, self.present.get(pattern, 0))

    def refuse(self, pattern) -> None:
        if pattern in self.present:
            raise Impossible(f"{pattern[1]} both ways")
        self.absent.add(pattern)

    def be_pe(self) -> pe_file.Pe:
        self.pe = self.pe or pe_file.Pe()
        return self.pe
