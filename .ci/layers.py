#!/usr/bin/env python3
"""Checks the structure that trust rests on: crate arrows, doors, rooms of unsafe code, pure crates, file contents.

Needs only the standard library and `cargo metadata`. Prints every violation and exits 1 if there is one. The tables
below are the rules; a crate that is not in `CRATES` is a violation, so a new one is a decision and not an accident.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ANYTHING = None

# Package -> (folder, workspace packages it may name as a dependency of any kind).
CRATES = {
    "hallmark-image": ("runtime/image", set()),
    "hallmark-container": ("runtime/container", set()),
    "hallmark-modules": ("runtime/modules", {"hallmark-image"}),
    "hallmark-store": ("runtime/store", {"hallmark-container", "hallmark-image"}),
    "hallmark-engine": ("runtime/engine", {"hallmark-image", "hallmark-modules"}),
    "hallmark-archives": ("runtime/archives", set()),
    "hallmark-runtime": (
        "runtime",
        {"hallmark-archives", "hallmark-engine", "hallmark-store", "hallmark-container", "hallmark-image"},
    ),
    "hallmark-capi": ("runtime/capi", {"hallmark-runtime"}),
    "hallmark-compiler": ("compiler", {"hallmark-image"}),
    "hallmark-publish": ("compiler/publish", {"hallmark-container", "hallmark-image", "hallmark-compiler"}),
    "hallmark-cli": (
        "compiler/cli",
        {
            "hallmark-compiler", "hallmark-publish", "hallmark-runtime", "hallmark-image", "hallmark-container",
            "hallmark-modules", "hallmark-store",
        },
    ),
    "hallmark-python": ("compiler/python", {"hallmark-compiler", "hallmark-runtime"}),
    "hallmark-tests": ("tests", ANYTHING),
    "hallmark-benches": ("benches", ANYTHING),
}

# Package -> workspace packages that its whole tree of normal and build dependencies must not contain.
NEVER_REACHES = {
    **{
        package: {"hallmark-compiler", "hallmark-publish", "hallmark-cli", "hallmark-python"}
        for package, (folder, _) in CRATES.items()
        if folder.split("/")[0] == "runtime"
    },
    "hallmark-compiler": {"hallmark-engine", "hallmark-runtime", "hallmark-modules", "hallmark-store"},
    "hallmark-image": {"hallmark-container"},
    "hallmark-container": {"hallmark-image"},
}

# Third-party crates that enter by one door. Packages that may use anything are not asked, nor are dev-dependencies:
# a test may forge what its crate must only read.
DOORS = {
    "memmap2": {"hallmark-store"},
    "zstd": {"hallmark-container", "hallmark-publish"},
    "ed25519-dalek": {"hallmark-container", "hallmark-publish"},
    **{
        crate: {"hallmark-archives"}
        for crate in ("flate2", "deflate64", "lzma-rust2", "lzxd", "rawzip", "sevenz-rust2", "tar")
    },
    "clap": {"hallmark-cli"},
    "indicatif": {"hallmark-cli"},
    "anyhow": {"hallmark-cli"},
    "pyo3": {"hallmark-python"},
    "yara-x": set(),
    "yara-x-parser": set(),
}

# Where the keyword may stand; everywhere else crate roots say `#![forbid(unsafe_code)]`.
UNSAFE_ROOMS = re.compile(
    r"runtime/store/src/map\.rs|runtime/engine/src/(?:.*/)?vector(?:\.rs|/.*\.rs)|runtime/capi/.*\.rs|compiler/python/.*\.rs"
)
ROOTS_WITHOUT_FORBID = {"hallmark-store", "hallmark-engine", "hallmark-capi", "hallmark-python"}

# Folders of pure code, and what none of it may call (tests of the code may).
PURE = ("runtime/archives/src/", "runtime/image/src/", "runtime/modules/src/", "runtime/engine/src/", "compiler/src/")
IMPURE = re.compile(
    r"\bstd::(?:fs|env|net|process)\b|\bSystemTime\b|\b(?:println|eprintln|print|eprint)!|\bthread::spawn\b"
)

# No file outside .ci may lean on the folder of rule sets and suites that lies beside a checkout, nor name the folder
# that holds the checkout. One that everybody has, such as that of temporary files, says nothing of a machine.
OUTSIDE = r"\.\./shared\b|\bHALLMARK_DATA\b|\bshared/(?:rulesets|conformance|design|hooks)\b"
if ROOT.parent not in (Path("/"), Path(tempfile.gettempdir())):
    OUTSIDE += rf"|(?<![\w./-]){re.escape(str(ROOT.parent))}/"
OUTSIDE = re.compile(OUTSIDE)

# Rust tokens that can hide or fake the words that are searched for.
RUST_TOKEN = re.compile(
    r"""
      (?P<line>//[^\n]*) | (?P<block>/\*)
    | (?P<raw>\bb?c?r(?P<hashes>\#*)".*?"(?P=hashes)) | (?P<string>\bb?c?"(?:\\.|[^"\\])*"|"(?:\\.|[^"\\])*")
    | (?P<char>b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F_]+\}|.)|[^\\'])')
    """,
    re.VERBOSE | re.DOTALL,
)
FORBID_UNSAFE = re.compile(r"#!\[\s*forbid\s*\([^)]*\bunsafe_code\b")
TEST_MODULE = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?mod\s+\w+\s*\{")


def main() -> int:
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"],
            cwd=ROOT, check=True, stdout=subprocess.PIPE,
        ).stdout
    )
    members = set(metadata["workspace_members"])
    packages = {p["name"]: p for p in metadata["packages"] if p["id"] in members}
    files = project_files()
    sources = {path: (ROOT / path).read_text(encoding="utf-8") for path in files if path.endswith(".rs")}
    violations = [
        *check_crates(packages),
        *check_trees(metadata, members),
        *check_roots(packages),
        *check_unsafe(sources),
        *check_pure(sources),
        *check_contents(files),
    ]
    for violation in violations:
        print(f"layers: {violation}")
    print(f"layers: {len(packages)} crates, {len(files)} files, {len(violations)} violations")
    return 1 if violations else 0


def project_files() -> list[str]:
    """Files that git tracks or would track; deleted ones are left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE,
    ).stdout.decode()
    return sorted({path for path in listed.split("\0") if path and (ROOT / path).is_file()})


def check_crates(packages: dict):
    """Folders, direct arrows between our crates, and doors of third-party crates."""
    for name, package in sorted(packages.items()):
        if name not in CRATES:
            yield f"{name} is not in the table of .ci/layers.py; decide its layer first"
            continue
        folder, allowed = CRATES[name]
        actual = Path(package["manifest_path"]).parent
        if actual != ROOT / folder:
            yield f"{name} lies in {actual}, its place is {folder}/"
        for dependency in package["dependencies"]:
            target, kind = dependency["name"], dependency["kind"] or "normal"
            if allowed is ANYTHING:
                continue
            if target in CRATES or target.startswith("hallmark-"):
                if target not in allowed:
                    yield f"arrow {name} -> {target} ({kind} dependency) is not in the table"
            elif kind != "dev" and name not in DOORS.get(target, {name}):
                doors = ", ".join(sorted(DOORS[target])) or "tests only"
                yield f"{name} uses {target} ({kind} dependency); its door is {doors}"


def check_trees(metadata: dict, members: set[str]):
    """What a crate reaches through any number of normal and build dependencies."""
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    edges = {
        node["id"]: [
            dependency["pkg"]
            for dependency in node["deps"]
            if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"])
        ]
        for node in metadata["resolve"]["nodes"]
    }
    for start in sorted(members, key=names.get):
        # Each reached package with the one through which it was reached, to print the way.
        came_from = {start: None}
        queue = [start]
        for node in queue:
            for target in edges[node]:
                if target not in came_from:
                    came_from[target] = node
                    queue.append(target)
        for node in queue:
            if names[node] in NEVER_REACHES.get(names[start], set()):
                way = []
                while node is not None:
                    way.append(names[node])
                    node = came_from[node]
                yield f"{names[start]} must not reach {way[0]}: {' -> '.join(reversed(way))}"


def check_roots(packages: dict):
    """Every library, binary and build script of ours forbids unsafe code, except where a room is."""
    for name, package in sorted(packages.items()):
        for target in package["targets"]:
            if name in ROOTS_WITHOUT_FORBID or {"test", "bench", "example"} & set(target["kind"]):
                continue
            code = blank(Path(target["src_path"]).read_text(encoding="utf-8"))
            if not FORBID_UNSAFE.search(code):
                yield f"{relative(target['src_path'])} lacks #![forbid(unsafe_code)]"


def check_unsafe(sources: dict[str, str]):
    for path, text in sources.items():
        if not UNSAFE_ROOMS.fullmatch(path):
            for number in lines_with(re.compile(r"\bunsafe\b"), blank(text)):
                yield f"{path}:{number}: unsafe outside its rooms"


def check_pure(sources: dict[str, str]):
    for path, text in sources.items():
        if path.startswith(PURE) and not path.endswith("tests.rs") and "/tests/" not in path:
            code = blank(text)
            tests = TEST_MODULE.search(code)
            for number in lines_with(IMPURE, code[: tests.start()] if tests else code):
                yield f"{path}:{number}: files, environment, clock, processes and printing have no place here"


def check_contents(files: list[str]):
    """What a file says must be true in every checkout."""
    for path in files:
        if path.startswith(".ci/"):
            continue
        text = (ROOT / path).read_bytes().decode("utf-8", "replace")
        for number in lines_with(OUTSIDE, text):
            yield f"{path}:{number}: names a folder outside the project; take it as an argument"


def lines_with(expression: re.Pattern, text: str):
    return sorted({text.count("\n", 0, match.start()) + 1 for match in expression.finditer(text)})


def blank(text: str) -> str:
    """Rust code with comments, strings and characters replaced by spaces; line numbers stay."""
    out, at = [], 0
    while token := RUST_TOKEN.search(text, at):
        end = block_end(text, token.start()) if token["block"] else token.end()
        out.append(text[at : token.start()])
        out.append(re.sub(r"[^\n]", " ", text[token.start() : end]))
        at = end
    out.append(text[at:])
    return "".join(out)


def block_end(text: str, start: int) -> int:
    """End of a block comment; Rust's nest."""
    depth = 0
    for mark in re.finditer(r"/\*|\*/", text[start:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return start + mark.end()
    return len(text)


def relative(path: str) -> str:
    return str(Path(path).relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())
