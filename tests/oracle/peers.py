#!/usr/bin/env python3
"""Times Hallmark beside its peers on the same rules and files and prints two Markdown tables.

    peers.py --hallmark target/release/hallmark --rules RULES [--files /usr/bin] [--rounds 5] [--max-bytes 200000000]

Engines: `hallmark`; YARA-X, as `yr` where it is installed, else its Python wheel; `yara`/`yarac`; `boreal`. One that
is not installed is left out and named. Every figure is a whole process (start and load included), the median of
rounds in which the engines take turns; memory is the largest resident set of the first round. All scan one copy of
the same files with one thread. The counts of (file, rule) matches stand beside the figures: a fast wrong answer is
no answer. A report, not a gate: exit code 1 only if Hallmark and YARA-X count differently.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import peer


@dataclass
class Engine:
    """How one engine compiles and scans; `database` is what the compile command writes."""

    name: str
    compile: list[str]
    database: Path
    scan: list[str]
    # Exit codes that are no failure of the scan.
    good: tuple[int, ...] = (0,)


@dataclass
class Run:
    """One finished process."""

    seconds: float
    megabytes: float
    output: bytes


def main() -> int:
    args = arguments()
    if args.wheel:
        return wheel(*args.wheel)
    with tempfile.TemporaryDirectory(prefix="hallmark-peers-") as folder:
        scratch = Path(folder)
        files, size = sample(args.files, args.max_bytes, scratch / "files")
        engines, absent = find_engines(args, scratch)
        rules = peer.rule_files(args.rules)
        print(f"Rules: {len(rules)} files, {sum(p.stat().st_size for p in rules):,} bytes."
              f" Scanned: {files} files, {size:,} bytes of {args.files}, one thread.")
        print(f"Medians of {args.rounds} interleaved rounds. Not installed: {', '.join(absent) or 'none'}.\n")
        compile_table(engines, args.rounds)
        return scan_table(engines, args.rounds, size)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Times Hallmark beside its peers.")
    parser.add_argument("--hallmark", type=Path)
    parser.add_argument("--rules", type=Path)
    parser.add_argument("--files", type=Path, default=Path("/usr/bin"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-bytes", type=int, default=200_000_000, help="size of the sample of --files")
    parser.add_argument("--wheel", nargs=3, metavar=("STEP", "FROM", "TO"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.wheel and not (args.hallmark and args.rules):
        parser.error("--hallmark and --rules are required")
    return args


def sample(source: Path, limit: int, into: Path) -> tuple[int, int]:
    """Copies files of `source`, in an order that is always the same shuffle, up to `limit` bytes in all."""
    found = [p for p in sorted(source.rglob("*")) if p.is_file() and not p.is_symlink() and p.stat().st_size]
    random.Random(0).shuffle(found)
    into.mkdir()
    files = size = 0
    for path in found:
        if size + path.stat().st_size <= limit:
            shutil.copyfile(path, into / f"{files:06}")
            files += 1
            size += path.stat().st_size
    if not files:
        raise ValueError(f"no files of at most {limit:,} bytes below {source}")
    return files, size


def find_engines(args, scratch: Path) -> tuple[list[Engine], list[str]]:
    """The engines that are installed, Hallmark first, and the names of the others."""
    rules, files = str(args.rules), str(scratch / "files")
    defines = [word for name in peer.EXTERNALS for word in ("-d", f"{name}=")]
    sources = [str(path) for path in peer.rule_files(args.rules)]
    engines, absent = [], []

    database = scratch / "hallmark.hmk"
    binary = str(args.hallmark)
    engines.append(Engine(
        "hallmark",
        [binary, "build", rules, *defines, "--ignore-invalid-rules", "--threads", "1", "-o", str(database)],
        database,
        [binary, "scan", str(database), files, "--allow-unsigned", "--threads", "1", "--progress", "never"],
        good=(0, 1),
    ))
    database = scratch / "yara-x.rules"
    if shutil.which("yr"):
        engines.append(Engine(
            "YARA-X (yr)",
            ["yr", "compile", *[w.replace("=", '=""') for w in defines], "-o", str(database), rules],
            database,
            ["yr", "scan", "-C", str(database), "--threads", "1", "--recursive", files],
        ))
    else:
        step = [sys.executable, str(Path(__file__).resolve()), "--wheel"]
        engines.append(Engine(
            "YARA-X (wheel)",
            [*step, "compile", rules, str(database)],
            database,
            [*step, "scan", str(database), files],
        ))
    database = scratch / "yara.rules"
    if shutil.which("yarac") and shutil.which("yara"):
        engines.append(Engine(
            "YARA",
            ["yarac", "-w", *defines, *sources, str(database)],
            database,
            ["yara", "-w", "-C", "-r", "-p", "1", str(database), files],
        ))
    else:
        absent.append("yara")
    database = scratch / "boreal.rules"
    if shutil.which("boreal"):
        listed = [word for source in sources for word in ("-f", source)]
        engines.append(Engine(
            "boreal",
            ["boreal", "save", *defines, *listed, str(database)],
            database,
            ["boreal", "load", "-r", "-p", "1", str(database), files],
        ))
    else:
        absent.append("boreal")
    return engines, absent


def run(engine: Engine, command: list[str], good: tuple[int, ...]) -> Run:
    """Runs one process and measures it as a whole."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode not in good:
            shown = " ".join(command[:4])
            raise ValueError(f"{engine.name}: {shown} …: exit code {child.returncode}\n"
                             + err.read()[:2000].decode(errors="replace"))
        return Run(seconds, usage.ru_maxrss / 1024, out.read())


def take_turns(engines: list[Engine], rounds: int, command, good) -> dict[str, list[Run]]:
    """Runs of each engine; one that fails is reported and leaves the table."""
    runs: dict[str, list[Run]] = {engine.name: [] for engine in engines}
    for _ in range(rounds):
        for engine in engines:
            if engine.name in runs:
                try:
                    runs[engine.name].append(run(engine, command(engine), good(engine)))
                except ValueError as error:
                    print(f"left out: {error}", file=sys.stderr)
                    del runs[engine.name]
    return runs


def compile_table(engines: list[Engine], rounds: int) -> None:
    runs = take_turns(engines, rounds, lambda e: e.compile, lambda e: (0,))
    print("| compile | seconds | beside hallmark | output bytes | memory MiB |\n|---|---:|---:|---:|---:|")
    medians = {name: statistics.median(r.seconds for r in done) for name, done in runs.items()}
    for engine in engines:
        if engine.name in runs:
            ratio = relative(medians, engine.name)
            print(f"| {engine.name} | {medians[engine.name]:.2f} | {ratio} | {engine.database.stat().st_size:,} |"
                  f" {runs[engine.name][0].megabytes:.0f} |")
    print()
    engines[:] = [engine for engine in engines if engine.name in runs]


def scan_table(engines: list[Engine], rounds: int, size: int) -> int:
    runs = take_turns(engines, rounds, lambda e: e.scan, lambda e: e.good)
    print("| scan | seconds | GB/s | beside hallmark | memory MiB | (file, rule) matches |\n|---|---:|---:|---:|---:|---:|")
    medians = {name: statistics.median(r.seconds for r in done) for name, done in runs.items()}
    counts = {}
    for name, done in runs.items():
        found = {len(r.output.splitlines()) for r in done}
        counts[name] = found.pop() if len(found) == 1 else None
        shown = f"{counts[name]:,}" if counts[name] is not None else "differs between rounds"
        print(f"| {name} | {medians[name]:.2f} | {size / medians[name] / 1e9:.3f} | {relative(medians, name)} |"
              f" {done[0].megabytes:.0f} | {shown} |")
    ours = counts.get("hallmark")
    theirs = next((counts[name] for name in counts if name.startswith("YARA-X")), None)
    if ours is None or ours != theirs:
        print(f"\nMatch counts disagree: hallmark {ours}, YARA-X {theirs}.")
        return 1
    return 0


def relative(medians: dict[str, float], name: str) -> str:
    """How many times as long as Hallmark."""
    if "hallmark" not in medians:
        return "-"
    return f"x{medians[name] / medians['hallmark']:.2f}"


def wheel(step: str, source: str, target: str) -> int:
    """YARA-X by its Python wheel, as a process of its own: `compile RULES OUT` or `scan DB FOLDER`."""
    if step == "compile":
        compiled = peer.compile_rules(Path(source), peer.EXTERNALS)
        with open(target, "wb") as file:
            compiled.rules.serialize_into(file)
        return 0
    scan = peer.scanner(peer.load(Path(source)))
    for path in sorted(Path(target).iterdir()):
        for rule in scan.scan(path.read_bytes()).matching_rules:
            print(rule.identifier, path)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ValueError, OSError) as error:
        print(f"peers: {error}", file=sys.stderr)
        sys.exit(2)
