#!/usr/bin/env python3
"""Writes files that make the rules of a folder match, and near misses of each.

    provoke.py RULES OUT [--missing FILE]

Benign files match almost no rule, so they compare little more than silence. For each rule this writes
`OUT/<file>/<rule>.hit`, a file that is what the rule's condition asks for: instances of its patterns where they have to be,
behind a header, numbers, a size and facts about a PE file; `OUT/<file>/<rule>.near`, the same with one byte of each
instance changed; and `OUT/<file>/<rule>.one`, with one byte of one instance changed. Several files are tried until one makes
the rule match in the peer; how many rules do is printed. Rules are read by rough regular expressions: one that is misread
gives a useless file, never a wrong verdict, as both engines judge the same bytes. The files depend on the rules alone, so
every run compares the same ones.
"""

import argparse
import multiprocessing
import os
import random
import re
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import assemble
import conditions
import peer
from wisher import Wisher
from wishes import Impossible, Wishes

# Files that are tried for a rule. Every second one holds no more than it has to.
TRIES = 8

PRIVATE = re.compile(r"\bprivate\s+(?:global\s+)?rule\s+(\w+)")
TOKEN = re.compile(
    r"""
      (?P<comment> //[^\n]* | /\*.*?\*/ )
    | \brule\s+(?P<rule>\w+)
    | (?P<name>\$\w*)\s*=\s*
      (?P<body> "(?:\\.|[^"\\\n])*" | \{[^}"]*\} | /(?:\\.|[^/\\\n])+/[is]* )
      (?P<modifiers>(?:\s+(?:ascii|wide|nocase|fullword|private|(?:xor|base64|base64wide)(?:\s*\([^)]*\))?))*)
    | (?P<text> "(?:\\.|[^"\\\n])*" )
    | \b(?P<condition>condition)\s*:
    """,
    re.VERBOSE | re.DOTALL,
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes files that provoke the rules of a folder.")
    parser.add_argument("rules", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--missing", type=Path, help="write the rules that no file of theirs makes match here")
    parser.add_argument("--min-percent", type=float, default=0, metavar="N",
                        help="fail if fewer of the rules match in a file of theirs")
    args = parser.parse_args()
    compiled = peer.compile_rules(args.rules, peer.EXTERNALS)
    reported = {rule.identifier for rule in compiled.rules}
    jobs, known = [], {}
    for file in peer.rule_files(args.rules):
        relative = file.relative_to(args.rules) if args.rules.is_dir() else Path(file.name)
        (args.out / relative).mkdir(parents=True, exist_ok=True)
        source = file.read_bytes().decode("utf-8", "replace")
        reported -= set(PRIVATE.findall(source))
        for rule, patterns, condition in read_rules(source):
            known[rule] = patterns, tree(condition)
            jobs.append((rule, str(args.out / relative / rule)))
    with tempfile.TemporaryDirectory(prefix="hallmark-provoke-") as scratch:
        serialized = Path(scratch, "peer.rules")
        with serialized.open("wb") as out:
            compiled.rules.serialize_into(out)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(os.cpu_count(), context, Worker.start, (serialized, known, reported)) as pool:
            outcomes = list(pool.map(Worker.write, jobs, chunksize=32))
    judged = [rule for rule, _, _ in outcomes if rule in reported]
    missing = [rule for rule, matches, _ in outcomes if rule in reported and not matches]
    written = sum(count for _, _, count in outcomes)
    if args.missing:
        args.missing.write_text("".join(f"{rule}\n" for rule in missing), encoding="utf-8")
    percent = 100 * (len(judged) - len(missing)) / max(1, len(judged))
    print(f"{written} files written to {args.out}; {len(judged) - len(missing)} of {len(judged)} rules match in theirs,"
          f" {percent:.1f} %")
    if percent < args.min_percent:
        raise SystemExit(f"fewer than {args.min_percent} %")


def read_rules(source: str):
    """Yields (rule, [(pattern name, body, modifiers)], condition) in the order of the source."""
    rule, patterns, condition_start = None, [], None
    for token in TOKEN.finditer(source):
        if token["rule"]:
            if rule and condition_start is not None:
                yield rule, patterns, source[condition_start : token.start()]
            rule, patterns, condition_start = token["rule"], [], None
        elif token["name"] and condition_start is None:
            patterns.append((token["name"], token["body"], token["modifiers"] or ""))
        elif token["condition"] and condition_start is None:
            condition_start = token.end()
    if rule and condition_start is not None:
        yield rule, patterns, source[condition_start:]


def tree(condition: str):
    """The tree of a condition; one that can't be read is taken for all patterns."""
    try:
        return conditions.read(condition)
    except conditions.Unreadable:
        return ("of", "all", "them", None)


class Worker:
    """What one process keeps between rules."""

    scanner = known = reported = None

    @classmethod
    def start(cls, serialized: Path, known: dict, reported: set) -> None:
        cls.scanner, cls.known, cls.reported = peer.scanner(peer.load(serialized)), known, reported

    @classmethod
    def write(cls, job: tuple[str, str]) -> tuple[str, bool, int]:
        """Writes the files of a rule; says whether it matches in the first, and how many there are."""
        rule, path = job
        hit, spots, matches = provoke(cls.known, rule, cls.matches if rule in cls.reported else None)
        files = {"hit": hit, "near": near_miss(rule, hit, spots)}
        if len(spots) > 1:
            files["one"] = near_miss(rule, hit, [random.Random(rule).choice(spots)])
        for suffix, data in files.items():
            Path(f"{path}.{suffix}").write_bytes(data)
        return rule, matches, len(files)

    @classmethod
    def matches(cls, rule: str, data: bytes) -> bool:
        return any(match.identifier == rule for match in cls.scanner.scan(data).matching_rules)


def provoke(known: dict, rule: str, judge) -> tuple[bytes, list, bool]:
    """A file that should make `rule` match, where its instances are, and whether the judge says that it does.

    Private rules have no judge, as the peer does not report them; their first file is as good as any.
    """
    first = None
    for attempt in range(TRIES):
        rng = random.Random(f"{rule} {attempt}")
        sparing = attempt % 2 == 1
        made = assemble.assemble(known, rule, wishes_of(known, rule, rng, sparing), rng, sparing)
        if made is None:
            continue
        first = first or made
        if judge is None or judge(rule, made[0]):
            return *made, True
    return *(first or (b"\0", [])), False


def wishes_of(known: dict, rule: str, rng: random.Random, sparing: bool) -> Wishes:
    """All that the condition asks for, or as much of it as there is a way for."""
    try:
        return Wisher(known, rule, rng, sparing).collect()
    except Impossible:
        pass
    wisher = Wisher(known, rule, rng, sparing)
    condition = known[rule][1]
    for part in condition[1] if condition[0] == "and" else [condition]:
        try:
            wisher.wish(part, True)
        except Impossible:
            pass
    return wisher.wishes


def near_miss(rule: str, hit: bytes, spots: list) -> bytes:
    """The same with one byte of each of these instances changed."""
    rng = random.Random(rule)
    near = bytearray(hit)
    for start, length in spots:
        if length and start + length <= len(near):
            near[start + rng.randrange(length)] ^= 1 << rng.randrange(8)
    return bytes(near)


if __name__ == "__main__":
    main()
