#!/usr/bin/env python3
"""Checks every third-party crate in Cargo.lock's graph against the licences, bans and sources of deny.toml.

The same file configures `cargo deny`; this needs only the standard library, so it runs wherever the tests do. A
crate whose licence expression cannot be satisfied by the allowed ones, that is banned, or that comes from elsewhere
than an allowed registry is printed, and the exit code is 1.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# How `cargo metadata` writes the source of a crate from crates.io.
REGISTRY_PREFIX = "registry+"


def main() -> int:
    deny = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))
    allowed = set(deny["licenses"]["allow"])
    banned = {entry["crate"]: entry["reason"] for entry in deny["bans"]["deny"]}
    registries = {REGISTRY_PREFIX + url for url in deny["sources"]["allow-registry"]}
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"],
            cwd=ROOT, check=True, stdout=subprocess.PIPE,
        ).stdout
    )
    problems = []
    members = set(metadata["workspace_members"])
    others = [package for package in metadata["packages"] if package["id"] not in members]
    for package in sorted(others, key=lambda p: (p["name"], p["version"])):
        crate = f"{package['name']} {package['version']}"
        if package["name"] in banned:
            problems.append(f"{crate} is banned: {banned[package['name']]}")
        if package["source"] not in registries:
            problems.append(f"{crate} comes from {package['source']}")
        if not package["license"] or not satisfied(package["license"], allowed):
            problems.append(f"{crate} has the licence {package['license']}, none of the allowed ones")
    for problem in problems:
        print(f"dependencies: {problem}")
    print(f"dependencies: {len(others)} crates, {len(problems)} problems")
    return 1 if problems else 0


def satisfied(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met; `A/B` is the old way to write `A OR B`."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    tokens.reverse()

    def any_of() -> bool:
        result = all_of()
        while tokens and tokens[-1] == "OR":
            tokens.pop()
            result = all_of() or result
        return result

    def all_of() -> bool:
        result = one()
        while tokens and tokens[-1] == "AND":
            tokens.pop()
            result = one() and result
        return result

    def one() -> bool:
        token = tokens.pop()
        if token == "(":
            result = any_of()
            tokens.pop()
            return result
        if tokens and tokens[-1] == "WITH":
            tokens.pop()
            token = f"{token} WITH {tokens.pop()}"
        return token in allowed

    return any_of()


if __name__ == "__main__":
    sys.exit(main())
