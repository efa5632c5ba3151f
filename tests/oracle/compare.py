"""Compares what two engines say about one file, and holds the list of differences that are known.

Input: the peer's matching rules (`Theirs`) and one NDJSON record of `hallmark scan -s`.
Output: a list of `Difference`, and how many patterns the peer lists that we do not list at all.
Pure: no engine, no files except the list of known differences, so that it can be tested by itself.

A pattern that the condition did not need may be listed in full or not at all. So a pattern that we list must
have exactly the peer's matches, and a pattern that we do not list is counted, not refused.
"""

import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

# A match: (offset, length, xor key or None).
Match = tuple[int, int, int | None]
# (namespace, rule) -> one (identifier, matches) for each pattern that matched.
Theirs = dict[tuple[str, str], list[tuple[str, list[Match]]]]

ANONYMOUS = "$"
# How many matches a printed difference shows of each side.
SHOWN_MATCHES = 4


@dataclass(frozen=True)
class Difference:
    """One disagreement about one file; `pattern` is empty where the whole rule or file is meant."""

    category: str
    rule: str
    pattern: str
    theirs: str
    ours: str


def compare_file(theirs: Theirs, record: dict) -> tuple[list[Difference], int]:
    """All differences between the peer's answer and our record, and the count of unlisted patterns."""
    differences = [
        Difference("incomplete", "", "", "complete", f"{what.get('what')}: {what.get('why')}")
        for what in record["incomplete"]
    ]
    ours: dict[tuple[str, str], list[dict]] = {}
    for match in record["matches"]:
        key = (match["namespace"], match["rule"])
        if key in ours:
            differences.append(Difference("rule-twice", name(key), "", "once", "twice"))
        ours[key] = match["strings"]
    for key in sorted(theirs.keys() - ours.keys()):
        differences.append(Difference("rule-missing", name(key), "", "matches", "does not match"))
    for key in sorted(ours.keys() - theirs.keys()):
        differences.append(Difference("rule-extra", name(key), "", "does not match", "matches"))
    unlisted = 0
    for key in sorted(theirs.keys() & ours.keys()):
        found, missing = compare_patterns(name(key), theirs[key], ours[key])
        differences.extend(found)
        unlisted += missing
    return differences, unlisted


def compare_patterns(rule: str, theirs: list[tuple[str, list[Match]]], strings: list[dict]):
    """Differences between the pattern matches of one rule, and the count of unlisted patterns."""
    ours: dict[str, Counter[Match]] = {}
    for string in strings:
        match = (string["offset"], string["length"], string.get("xor_key"))
        ours.setdefault(string["id"], Counter())[match] += 1

    differences, unlisted = [], 0
    peer: dict[str, Counter[Match]] = {}
    for identifier, matches in theirs:
        if identifier != ANONYMOUS:
            peer.setdefault(identifier, Counter()).update(matches)
    for identifier in sorted(peer):
        if identifier not in ours:
            unlisted += 1
        elif ours[identifier] != peer[identifier]:
            differences.append(pattern_difference(rule, identifier, peer[identifier], ours[identifier]))
    for identifier in sorted(ours.keys() - peer.keys() - {ANONYMOUS}):
        differences.append(pattern_difference(rule, identifier, Counter(), ours[identifier]))

    # Anonymous patterns share one name: ours must be the union of whole patterns of theirs.
    left = ours.get(ANONYMOUS, Counter())
    whole: Counter[Match] = Counter()
    for identifier, matches in theirs:
        if identifier == ANONYMOUS:
            wanted = Counter(matches)
            if wanted <= left:
                left = left - wanted
            else:
                unlisted += 1
                whole += wanted
    if left:
        differences.append(pattern_difference(rule, ANONYMOUS, whole, left))
    return differences, unlisted


def pattern_difference(rule: str, identifier: str, theirs: Counter, ours: Counter) -> Difference:
    """Names the kind of disagreement and shows the first matches that only one side has."""
    only_theirs, only_ours = sorted(theirs - ours, key=order), sorted(ours - theirs, key=order)
    if not theirs:
        category = "pattern-extra"
    elif not only_ours:
        category = "match-missing"
    elif not only_theirs:
        category = "match-extra"
    elif [m[0] for m in only_theirs] != [m[0] for m in only_ours]:
        category = "match-offset"
    elif [m[1] for m in only_theirs] != [m[1] for m in only_ours]:
        category = "match-length"
    else:
        category = "xor-key"
    return Difference(category, rule, identifier, show(only_theirs), show(only_ours))


def order(match: Match) -> tuple[int, int, int]:
    """Sort key of a match; a missing xor key sorts before every key."""
    offset, length, xor_key = match
    return offset, length, -1 if xor_key is None else xor_key


def show(matches: list[Match]) -> str:
    """`offset+length`, with `^key` for an xor key, cut after the first few."""
    parts = [f"{o:#x}+{n}" + ("" if k is None else f"^{k:#04x}") for o, n, k in matches[:SHOWN_MATCHES]]
    if len(matches) > SHOWN_MATCHES:
        parts.append(f"… {len(matches)} in all")
    return " ".join(parts) or "-"


def name(key: tuple[str, str]) -> str:
    """`rule`, or `namespace:rule` outside the default namespace."""
    namespace, rule = key
    return rule if namespace == "default" else f"{namespace}:{rule}"


@dataclass
class Known:
    """Differences that are listed with a reason; every entry has to be of use."""

    entries: list[dict] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    REQUIRED = ("rule", "topic", "reason")
    OPTIONAL = ("pattern", "category")

    @classmethod
    def load(cls, path: Path, topics_page: Path) -> "Known":
        """Reads the list; every topic must also be told to users, on the page about compatibility."""
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("known", [])
        page = topics_page.read_text(encoding="utf-8") if entries else ""
        for entry in entries:
            missing = [key for key in cls.REQUIRED if not str(entry.get(key, "")).strip()]
            strange = sorted(entry.keys() - set(cls.REQUIRED) - set(cls.OPTIONAL))
            if missing or strange:
                raise ValueError(f"{path}: {entry}: missing {missing}, unknown {strange}")
            if entry["topic"] not in page:
                raise ValueError(f"{path}: topic {entry['topic']!r} is not described in {topics_page}")
        return cls(entries)

    def find(self, difference: Difference) -> int | None:
        """Index of the entry that covers this difference."""
        for index, entry in enumerate(self.entries):
            if (
                entry["rule"] == difference.rule
                and entry.get("pattern", difference.pattern) == difference.pattern
                and entry.get("category", difference.category) == difference.category
            ):
                return index
        return None

    def unused(self, rules: set[str]) -> list[dict]:
        """Entries about one of `rules` (the rules of this run) that covered nothing."""
        return [e for i, e in enumerate(self.entries) if i not in self.used and e["rule"] in rules]
