#!/usr/bin/env python3
"""Compares what the modules of Hallmark and of YARA-X see in files, good ones and damaged ones, field by field.

    modules.py --hallmark target/release/hallmark --wheels target/ci/wheels [--more] [--files DIR …] [--system]

The files are members of pinned wheels (`corpus.py`), and those of folders; each is looked at as it is and in seeded
mutations (`mutate.py`). Differences are printed by module and field; those listed in `modules.toml` are meant, and an
entry that nothing needs is a failure. A module is compared by being in MODULES. Ends with `N passed, N failed` (files,
damaged ones included) and exit code 0, 1 on a difference, 2 if the run could not be made.
"""

import argparse
import functools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yara_x

import corpus
import mutate
from fields import Known, Unlike, compare, settle

HERE = Path(__file__).resolve().parent
# Each module, with how the files begin that it reads.
MODULES = {
    "dex": (b"dex\n",),
    "dotnet": (b"MZ",),
    "elf": (b"\x7fELF",),
    "pe": (b"MZ",),
}
TIMEOUT_SECONDS = 60
# How the names of damaged files end.
DAMAGED = ". mutation)"


@dataclass(frozen=True)
class Job:
    """A file, and what is done with it."""

    name: str
    data: bytes
    mutations: int
    seed: int
    keep: Path | None


def main() -> int:
    args = arguments()
    started = time.monotonic()
    jobs = choose(args)
    if len(jobs) < args.min_files:
        print(f"modules.py: {len(jobs)} files, {args.min_files} are wanted", file=sys.stderr)
        return 2
    known = Known.load(args.known)
    seen, failed = 0, 0
    differences: dict[Unlike, list[str]] = defaultdict(list)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.jobs, context, start_worker, (args.hallmark,)) as pool:
        for results in pool.map(look, jobs):
            for name, unlikes in results:
                unknown = [found for found in unlikes if not known.covers(found, name, name.endswith(DAMAGED))]
                seen, failed = seen + 1, failed + bool(unknown)
                for found in unknown:
                    differences[found].append(name)
    report(differences, args.show)
    for entry in known.unneeded():
        failed += 1
        print(f"not needed any more: {entry.module} {entry.field} ({entry.kind}): {entry.reason}")
    for entry in known.exceeded():
        failed += 1
        print(f"in {len(entry.files)} files, {entry.damaged_files} are known: {entry.module} {entry.field} ({entry.kind})")
    covered = sum(entry.covered for entry in known.entries)
    print(f"{len(jobs)} files, {seen - len(jobs)} damaged ones, {covered} differences that are known,"
          f" {time.monotonic() - started:.0f} s")
    print(f"{seen - failed} passed, {failed} failed")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compares modules of Hallmark and YARA-X on the same files.")
    parser.add_argument("--hallmark", required=True, type=Path, help="the hallmark binary")
    parser.add_argument("--wheels", required=True, type=Path, help="where the pinned wheels are, or are put")
    parser.add_argument("--more", action="store_true", help="take the wheels for long runs too")
    parser.add_argument("--files", type=Path, action="append", default=[], help="folder of more files (repeatable)")
    parser.add_argument("--system", action="store_true", help="take programs and libraries of this machine too")
    parser.add_argument("--max-files", type=int, default=60, help="so many files, those of each kind in turn")
    parser.add_argument("--min-files", type=int, default=1, help="fewer files are an error")
    parser.add_argument("--max-size", type=int, default=1 << 19, help="bytes of the largest file that is taken")
    parser.add_argument("--mutations", type=int, default=20, help="damaged ones for each file")
    parser.add_argument("--seed", type=int, default=1, help="which ones: the same seed, the same damage")
    parser.add_argument("--known", type=Path, default=HERE / "modules.toml", help="list of meant differences")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--show", type=int, default=60, help="how many differences to print (all are counted)")
    parser.add_argument("--keep", type=Path, help="folder for the files that engines disagree about")
    return parser.parse_args()


def choose(args: argparse.Namespace) -> list[Job]:
    """The files: of every source in turn, so that a few of them are of many kinds. No content is taken twice."""
    magics = tuple(sorted({magic for begins in MODULES.values() for magic in begins}))
    sources: list[Iterator[tuple[str, bytes]]] = [
        corpus.members(wheel, magics) for wheel in corpus.download(args.wheels, args.more)
    ]
    sources += [corpus.found([folder], magics) for folder in args.files]
    if args.system:
        sources += [corpus.found([Path(folder)], magics) for folder in corpus.SYSTEM]
    jobs: list[Job] = []
    contents: set[bytes] = set()
    while sources and len(jobs) < args.max_files:
        for source in list(sources):
            name, data = next(source, (None, b""))
            if name is None:
                sources.remove(source)
            elif len(data) <= args.max_size and data not in contents and len(jobs) < args.max_files:
                contents.add(data)
                jobs.append(Job(name, data, args.mutations, args.seed, args.keep))
    return jobs


def start_worker(hallmark: Path) -> None:
    global HALLMARK
    HALLMARK = hallmark.resolve()


def look(job: Job) -> list[tuple[str, list[Unlike]]]:
    """What the engines disagree about in a file and its mutations."""
    results = []
    with tempfile.NamedTemporaryFile(prefix="hallmark-modules-") as file:
        for n in range(job.mutations + 1):
            data = mutate.mutation(job.data, job.name, job.seed, n) if n else job.data
            file.seek(0)
            file.truncate()
            file.write(data)
            file.flush()
            found = list(disagreements(data, Path(file.name)))
            name = f"{job.name} ({n}{DAMAGED}" if n else job.name
            results.append((name, found))
            if found and job.keep:
                (job.keep / name.replace("/", "-")).write_bytes(data)
    return results


def disagreements(data: bytes, path: Path) -> Iterator[Unlike]:
    wanted = [word for module in MODULES for word in ("--module", module)]
    done = subprocess.run([HALLMARK, "inspect", path, "--format", "json", *wanted], capture_output=True,
                          timeout=TIMEOUT_SECONDS, check=False)
    if done.returncode != 0:
        yield Unlike("-", "exit code", "0", f"{done.returncode}: {done.stderr.decode(errors='replace')[-300:]}")
        return
    ours = json.loads(done.stdout)
    for module in MODULES:
        theirs = settle(yara_x.Module(module).invoke(data))
        yield from compare(module, theirs, ours[module], functools.partial(constant, module))


@functools.cache
def constant(module: str, name: str) -> int | None:
    """The value of a constant, as the peer's rules have it; `None` if that is no name of one."""
    if not name.isidentifier():
        return None
    compiler = yara_x.Compiler()
    source = f'import "console" import "{module}" rule r {{ condition: console.log("", {module}.{name}) }}'
    try:
        compiler.add_source(source)
    except yara_x.CompileError:
        return None
    said: list[str] = []
    scanner = yara_x.Scanner(compiler.build())
    scanner.console_log(said.append)
    scanner.scan(b"")
    return int(said[0])


def report(differences: dict[Unlike, list[str]], most: int) -> None:
    """The differences by module, field and kind, the frequent ones first, each with an example."""
    groups: dict[tuple[str, str, str], list[tuple[Unlike, list[str]]]] = defaultdict(list)
    for found, names in differences.items():
        groups[found.module, found.field, found.kind].append((found, names))

    def times(group) -> int:
        return sum(len(names) for _, names in group[1])

    for (module, field, kind), group in sorted(groups.items(), key=times, reverse=True)[:most]:
        found, names = group[0]
        print(f"{times(((), group)):5} {module} {field} ({kind}): theirs {found.theirs}, ours {found.ours}; {names[0]}")
    if len(groups) > most:
        print(f"… and {len(groups) - most} more fields")


if __name__ == "__main__":
    sys.exit(main())
