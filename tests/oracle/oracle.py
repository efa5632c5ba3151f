#!/usr/bin/env python3
"""Scans the same files with Hallmark and with YARA-X and compares every answer.

    oracle.py --hallmark target/release/hallmark --rules RULES --targets DIR [--targets DIR …] [-d VAR=VALUE …]

Compared are the set of rules that compiled, the rules that match each file, and for each matching rule the offset,
length and xor key of every match of every pattern that we list (`compare.py` says which may stay unlisted).
Differences are printed by kind; those listed in `known.toml` are meant. Nothing is cached and nothing is skipped:
a file that one side did not scan is a difference. Ends with `N passed, N failed` (files, and one for the rule
set) and exit code 0, 1 on a difference, 2 if the run could not be made.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import compare
import peer
from compare import Difference, Known

HERE = Path(__file__).resolve().parent
TOPICS_PAGE = HERE.parent.parent / "docs" / "yara-compat.md"
# A build or a scan that takes longer than this is a failure of its own.
HALLMARK_TIMEOUT_SECONDS = 1800


def main() -> int:
    args = arguments()
    externals = dict(peer.EXTERNALS)
    externals.update(peer.external(text) for text in args.define)
    known = Known.load(args.known, TOPICS_PAGE)
    targets = [os.path.normpath(target) for target in args.targets]
    with tempfile.TemporaryDirectory(prefix="hallmark-oracle-") as scratch:
        return run(args, Path(scratch), externals, known, targets)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compares Hallmark with YARA-X on the same rules and files.")
    parser.add_argument("--hallmark", required=True, type=Path, help="the hallmark binary")
    parser.add_argument("--rules", required=True, type=Path, help="folder of rule files, or one file")
    parser.add_argument("--targets", required=True, action="append", help="folder of files to scan (repeatable)")
    parser.add_argument("-d", "--define", action="append", default=[], metavar="VAR=VALUE")
    parser.add_argument("--known", type=Path, default=HERE / "known.toml", help="list of meant differences")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes for the peer")
    parser.add_argument("--show", type=int, default=40, help="how many differences to print (all are counted)")
    parser.add_argument("--min-rule-matches", type=int, default=0, metavar="N",
                        help="fail if fewer than N (file, rule) pairs match: a run that matches little proves little")
    return parser.parse_args()


def run(args, scratch: Path, externals: dict, known: Known, targets: list[str]) -> int:
    compiled = timed("peer compiles", lambda: peer.compile_rules(args.rules, externals))
    peer_rules = Counter((rule.namespace, rule.identifier) for rule in compiled.rules)
    print(f"  {compiled.files} files, {compiled.bytes:,} bytes, {peer_rules.total():,} rules,"
          f" {len(compiled.rejected)} rejected")
    for where, why in compiled.rejected:
        print(f"  rejected by the peer: {where}: {why}")
    serialized = scratch / "peer.rules"
    with serialized.open("wb") as file:
        compiled.rules.serialize_into(file)

    database, records = scratch / "rules.hmk", scratch / "ours.ndjson"
    timed("hallmark builds", lambda: build(args, externals, database))
    failures = compare_rule_sets(peer_rules, dumped_rules(args, database))
    timed("hallmark scans", lambda: scan(args, database, targets, records))

    index = index_records(records)
    files = [path for target in targets for path in regular_files(target)]
    if not files:
        raise RunFailed(f"no files below {', '.join(targets)}")
    wanted = {key(path) for path in files}
    differences: list[tuple[str, Difference]] = [("(rule set)", d) for d in failures]
    for path in sorted(index.keys() - wanted):
        if os.path.realpath(path) in (os.path.abspath(path), path):
            differences.append((path, Difference("not-a-target", "", "", "not scanned", "scanned")))

    jobs = [(path, index.get(key(path))) for path in files]
    totals = Counter()
    started = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.jobs, context, start_worker, (serialized, records)) as pool:
        for path, found, counts in pool.map(check_file, jobs, chunksize=4):
            totals.update(counts)
            differences.extend((path, d) for d in found)
    print(f"peer scans and compares: {time.monotonic() - started:.2f} s")
    names = {compare.name(rule) for rule in peer_rules}
    return report(args, known, names, files, differences, totals)


class RunFailed(Exception):
    """The comparison could not be made; the message says why."""


def timed(what: str, action):
    started = time.monotonic()
    result = action()
    print(f"{what}: {time.monotonic() - started:.2f} s", flush=True)
    return result


def hallmark(args, *words: str, stdout=subprocess.PIPE, good=(0,)) -> bytes:
    """Runs the binary; an exit code that is not in `good` ends the run with what it printed."""
    command = [str(args.hallmark), *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                          timeout=HALLMARK_TIMEOUT_SECONDS, check=False)
    if done.returncode not in good:
        tail = (done.stdout or b"")[-2000:] + done.stderr[-6000:]
        raise RunFailed(f"{' '.join(command)}\nexit code {done.returncode}\n{tail.decode(errors='replace')}")
    return done.stdout


def define_flags(externals: dict) -> list[str]:
    def text(value) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return [word for variable, value in externals.items() for word in ("-d", f"{variable}={text(value)}")]


def build(args, externals: dict, database: Path) -> None:
    flags = define_flags(externals)
    hallmark(args, "build", str(args.rules), *flags, "-o", str(database), "--ignore-invalid-rules")


def dumped_rules(args, database: Path) -> Counter:
    dump = json.loads(hallmark(args, "dump", str(database), "--format", "json"))
    return Counter((rule["namespace"], rule["name"]) for rule in dump["rules"])


def compare_rule_sets(theirs: Counter, ours: Counter) -> list[Difference]:
    """A rule that only one side has compiled can never be compared again, so it counts by itself."""
    missing = [Difference("rule-not-compiled", compare.name(k), "", "compiled", "rejected") for k in theirs - ours]
    extra = [Difference("rule-only-ours", compare.name(k), "", "rejected", "compiled") for k in ours - theirs]
    return sorted(missing + extra, key=lambda d: (d.category, d.rule))


def scan(args, database: Path, targets: list[str], records: Path) -> None:
    """All targets in one run. Exit 2 is let through: what is incomplete or missing shows in the records."""
    words = ["scan", str(database), *targets, "--allow-unsigned", "-s", "--format", "ndjson", "--all"]
    with records.open("wb") as file:
        hallmark(args, *words, "--progress", "never", stdout=file, good=(0, 1, 2))


def index_records(records: Path) -> dict[str, int]:
    """Path of each record -> where its line starts; the lines themselves are read by the workers."""
    index: dict[str, int] = {}
    with records.open("rb") as file:
        start = 0
        for line in file:
            path = json.loads(line)["path"]
            if path in index:
                raise RunFailed(f"hallmark printed two records for {path}")
            index[path] = start
            start += len(line)
    return index


def regular_files(target: str):
    """Regular files at or below `target`; links are not followed, as both sides would scan a file twice."""
    if os.path.isfile(target):
        yield target
    for folder, folders, names in os.walk(target, onerror=raise_error):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def raise_error(error: OSError):
    raise error


def key(path: str) -> str:
    """How a path reads in a JSON record."""
    return os.fsencode(path).decode("utf-8", "replace")


class Worker:
    """What one process of the pool keeps between files."""

    scanner = None
    records = None


def start_worker(serialized: Path, records: Path) -> None:
    Worker.scanner = peer.scanner(peer.load(serialized))
    Worker.records = records.open("rb")


def check_file(job: tuple[str, int | None]) -> tuple[str, list[Difference], dict[str, int]]:
    """Scans one file with the peer and compares the answer with our record of it."""
    path, position = job
    try:
        data = Path(path).read_bytes()
        theirs = peer.answer(Worker.scanner, data)
    except Exception as error:  # whatever the peer raises belongs in the report, under the file's name
        return path, [Difference("peer-error", "", "", f"{type(error).__name__}: {error}", "")], {}
    counts = {
        "bytes": len(data),
        "rules": len(theirs),
        "matches": sum(len(matches) for patterns in theirs.values() for _, matches in patterns),
    }
    if position is None:
        return path, [Difference("not-scanned", "", "", f"{len(theirs)} rules match", "no record")], counts
    Worker.records.seek(position)
    record = json.loads(Worker.records.readline())
    if record["size"] != len(data):
        return path, [Difference("size", "", "", str(len(data)), str(record["size"]))], counts
    try:
        differences, counts["unlisted"] = compare.compare_file(theirs, record)
    except (KeyError, TypeError, AttributeError) as error:
        differences = [Difference("malformed", "", "", "", f"{type(error).__name__}: {error}")]
    return path, differences, counts


def report(args, known: Known, names: set[str], files: list[str], differences, totals: Counter) -> int:
    """Prints differences and counts; 0 only if nothing but known differences was found."""
    new, categories, topics = [], Counter(), Counter()
    for path, difference in sorted(differences, key=lambda item: (item[0], item[1].rule, item[1].pattern)):
        entry = known.find(difference)
        if entry is None:
            new.append((path, difference))
            categories[difference.category] += 1
        else:
            known.used.add(entry)
            topics[known.entries[entry]["topic"]] += 1
    for path, d in new[: args.show]:
        subject = " ".join(word for word in (d.rule, d.pattern) if word)
        print(f"DIFFERENT {d.category} {path}: {subject}\n    theirs: {d.theirs}\n    ours:   {d.ours}")
    if len(new) > args.show:
        print(f"… and {len(new) - args.show:,} more (--show N prints more)")
    unused = known.unused(names)
    for entry in unused:
        print(f"UNUSED entry in {args.known.name}: rule {entry['rule']}, topic {entry['topic']}")
    print(f"{len(files):,} files, {totals['bytes']:,} bytes, {totals['rules']:,} (file, rule) matches,"
          f" {totals['matches']:,} pattern matches, {totals['unlisted']:,} patterns unlisted by us")
    for title, counter in (("different", categories), ("known", topics)):
        for what, count in sorted(counter.items(), key=lambda item: (-item[1], item[0])):
            print(f"  {title}: {count:,} {what}")
    too_few = totals["rules"] < args.min_rule_matches
    if too_few:
        print(f"only {totals['rules']:,} (file, rule) matches, want {args.min_rule_matches:,}: nothing was proved")
    cases = {*files, "(rule set)"}
    failed = len({path for path, _ in new}) + len(unused) + too_few
    passed = len(cases - {path for path, _ in new})
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RunFailed, ValueError, OSError, BrokenProcessPool, subprocess.TimeoutExpired) as error:
        print(f"oracle: {error}", file=sys.stderr)
        sys.exit(2)
