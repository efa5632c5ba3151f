"""The peer, YARA-X by its Python wheel: the same rules, the same externals, the same default namespace.

`compile_rules` reads every `*.yar` and `*.yara` file below a folder in sorted order, as `hallmark build` does.
A rule that the peer refuses is listed with its first error and the others of its file stay, as with
`--ignore-invalid-rules`.
"""

from dataclasses import dataclass
from pathlib import Path

import yara_x

from compare import Theirs

RULE_SUFFIXES = (".yar", ".yara")
# The externals that scanners of these rule sets provide; they are empty unless -d gives a value.
EXTERNALS = {"filename": "", "filepath": "", "extension": "", "filetype": "", "owner": ""}
# One file that takes the peer longer than this is an error of the run, never a silent pass.
TIMEOUT_SECONDS = 300


@dataclass
class Compiled:
    """Rules of the peer, with what it refused."""

    rules: yara_x.Rules
    files: int
    bytes: int
    rejected: list[tuple[str, str]]


def rule_files(folder: Path) -> list[Path]:
    """All rule files below `folder`, or `folder` itself if it is a file."""
    if folder.is_file():
        return [folder]
    return sorted(p for p in folder.rglob("*") if p.suffix in RULE_SUFFIXES and p.is_file())


def compile_rules(folder: Path, externals: dict) -> Compiled:
    """Compiles every rule file; raises `ValueError` if there is none."""
    files = rule_files(folder)
    if not files:
        raise ValueError(f"no rule files (*.yar, *.yara) below {folder}")
    compiler = yara_x.Compiler(relaxed_re_syntax=False, ignore_invalid_rules=True)
    for variable, value in externals.items():
        compiler.define_global(variable, value)
    rejected, size = [], 0
    for file in files:
        source = file.read_bytes()
        size += len(source)
        known = len(compiler.ignored_rules())
        try:
            compiler.add_source(source.decode("utf-8"), origin=str(file))
        except UnicodeDecodeError as error:
            rejected.append((str(file), f"not UTF-8: {error}"))
        except yara_x.CompileError as error:
            rejected.append((str(file), str(error).splitlines()[0]))
        for rule in compiler.ignored_rules()[known:]:
            rejected.append((f"{file}: rule {rule.name}", rule.message))
    return Compiled(compiler.build(), len(files), size, rejected)


def load(path: Path) -> yara_x.Rules:
    """Reads rules that `serialize_into` wrote; worker processes start from there."""
    with path.open("rb") as file:
        return yara_x.Rules.deserialize_from(file)


def scanner(rules: yara_x.Rules) -> yara_x.Scanner:
    """A scanner that follows every match, without a limit that a test file could reach."""
    result = yara_x.Scanner(rules)
    result.set_timeout(TIMEOUT_SECONDS)
    return result


def answer(scan: yara_x.Scanner, data: bytes) -> Theirs:
    """Matching rules with the matches of each pattern; patterns without a match are left out."""
    theirs: Theirs = {}
    for rule in scan.scan(data).matching_rules:
        patterns = theirs.setdefault((rule.namespace, rule.identifier), [])
        for pattern in rule.patterns:
            matches = [(m.offset, m.length, m.xor_key) for m in pattern.matches]
            if matches:
                patterns.append((pattern.identifier, matches))
    return theirs


def external(text: str) -> tuple[str, bool | int | float | str]:
    """Parses `VAR=VALUE` as `hallmark -d` does: true/false, integer, float, "quoted", else the bare string."""
    variable, separator, value = text.partition("=")
    if not separator or not variable:
        raise ValueError(f"-d wants VAR=VALUE, not {text!r}")
    if value in ("true", "false"):
        return variable, value == "true"
    for number in (int, float):
        try:
            return variable, number(value)
        except ValueError:
            pass
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return variable, value
