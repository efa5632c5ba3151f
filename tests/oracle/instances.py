#!/usr/bin/env python3
"""Writes files that make the rules of a folder match, and near misses of each.

    provoke.py RULES OUT

Benign files match almost no rule, so they compare little more than silence. For each rule this writes
`OUT/<file>/<rule>.hit`, an instance of every pattern behind the file header that the condition asks for, and
`OUT/<file>/<rule>.near`, the same with one byte of one instance changed. The rules are read by rough regular
expressions: a rule that is misread gives a useless file, never a wrong verdict, as both engines judge the same
bytes. The files depend on the rule text alone, so every run compares the same ones.
"""

import argparse
import base64
import random
import re
import struct
from pathlib import Path

import peer

try:
    from re import _constants as sre, _parser as sre_parser
except ImportError:  # Python before 3.11
    import sre_constants as sre
    import sre_parse as sre_parser

# A file grows to what `filesize >` asks for, up to here; bigger ones would cost more than they compare.
MAX_FILE = 256 * 1024
# Repetitions beyond their minimum that an instance of a regular expression or a jump may get.
MAX_EXTRA = 12
ENTRY_POINT = 0x400
ENTRY_PATTERN = re.compile(r"(\$\w+)\s+at\s+(?:pe\.|elf\.)?entry_?point\b")
HEADER_PATTERN = re.compile(r"(\$\w+)\s+at\s+(\d+|0x[0-9a-fA-F]+)\b")
HEADER_NUMBER = re.compile(r"uint(8|16|32)(be)?\s*\(\s*(\d+|0x[0-9a-fA-F]+)\s*\)\s*==\s*(0x[0-9a-fA-F]+|\d+)")
FILE_SIZE = re.compile(r"filesize\s*>=?\s*(\d+)\s*(KB|MB)?")

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
    args = parser.parse_args()
    written = 0
    for file in peer.rule_files(args.rules):
        relative = file.relative_to(args.rules) if args.rules.is_dir() else Path(file.name)
        folder = args.out / relative
        folder.mkdir(parents=True, exist_ok=True)
        for rule, patterns, condition in read_rules(file.read_bytes().decode("utf-8", "replace")):
            hit, near = provoke(rule, patterns, condition)
            (folder / f"{rule}.hit").write_bytes(hit)
            (folder / f"{rule}.near").write_bytes(near)
            written += 2
    print(f"{written} files written to {args.out}")


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


def provoke(rule: str, patterns, condition: str) -> tuple[bytes, bytes]:
    """The file that should match `rule`, and its near miss."""
    rng = random.Random(rule)
    data = bytearray(header(condition))
    placed = {name: int(offset, 0) for name, offset in HEADER_PATTERN.findall(condition)}
    placed.update((name, ENTRY_POINT) for name in ENTRY_PATTERN.findall(condition))
    spots: list[tuple[int, int]] = []
    free = []
    for name, body, modifiers in patterns:
        instances = [i for i in pattern_instances(body, modifiers.split(), rng) if i]
        if name in placed and instances and placed[name] < MAX_FILE:
            put(data, placed[name], instances[0])
            spots.append((placed[name], len(instances[0])))
            instances = instances[1:]
        free.extend(instances)
    if placed:
        data.extend(bytes(max(0, 0x2000 - len(data))))
    for instance in free:
        data.extend(rng.choice((b"\0", b"\n", b" . ", b"\0\0\0\0\0")))
        spots.append((len(data), len(instance)))
        data.extend(instance)
    data.extend(b"\0")
    for number, unit in FILE_SIZE.findall(condition):
        wanted = int(number) * {"": 1, "KB": 1024, "MB": 1024 * 1024}[unit] + 1
        if len(data) < wanted <= MAX_FILE:
            data.extend(bytes(wanted - len(data)))
    near = bytearray(data)
    if spots:
        start, length = rng.choice(spots)
        near[start + rng.randrange(length)] ^= 1 << rng.randrange(8)
    return bytes(data), bytes(near)


def put(data: bytearray, offset: int, instance: bytes) -> None:
    """Writes `instance` at `offset`, growing the data if it has to."""
    data.extend(bytes(max(0, offset + len(instance) - len(data))))
    data[offset : offset + len(instance)] = instance


def header(condition: str) -> bytes:
    """A header for the file type that the condition asks for."""
    lowered = condition.lower()
    data = bytearray()
    if "0x5a4d" in lowered or "0x4d5a" in lowered or "pe." in lowered or "entry" in lowered:
        data = bytearray(pe_header())
    elif "0x464c457f" in lowered or "0x7f454c46" in lowered or "elf." in lowered:
        data = bytearray(elf_header())
    for bits, big, offset, value in HEADER_NUMBER.findall(condition):
        if int(offset, 0) < 0x1000:
            size = int(bits) // 8
            number = int(value, 0) & ((1 << int(bits)) - 1)
            put(data, int(offset, 0), number.to_bytes(size, "big" if big else "little"))
    return bytes(data)


def pe_header() -> bytes:
    """A 32-bit PE file with one section of code; its entry point is at `ENTRY_POINT` in file and memory."""
    lfanew = 0x80
    dos = bytearray(lfanew)
    dos[0:2] = b"MZ"
    struct.pack_into("<I", dos, 0x3C, lfanew)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x14C, 1, 0, 0, 0, 0xE0, 0x0102)
    optional = struct.pack(
        "<HBBIIIIIIIIIHHHHHHIIIIHHIIIIII",
        0x10B, 14, 0, 0x1C00, 0, 0, ENTRY_POINT, 0x400, 0, 0x400000, 0x200, 0x200,
        6, 0, 0, 0, 6, 0, 0, 0x2000, 0x400, 0, 3, 0, 0x100000, 0x1000, 0x100000, 0x1000, 0, 16,
    ) + bytes(16 * 8)
    section = struct.pack("<8sIIIIIIHHI", b".text", 0x1C00, 0x400, 0x1C00, 0x400, 0, 0, 0, 0, 0x60000020)
    return (bytes(dos) + coff + optional + section).ljust(0x400, b"\0")


def elf_header() -> bytes:
    """A 64-bit little-endian ELF file with one loaded segment and its entry point at `ENTRY_POINT`."""
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    base = 0x400000
    rest = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + ENTRY_POINT, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, 0x2000, 0x2000, 0x1000)
    return (ident + rest + segment).ljust(0x400, b"\0")


def pattern_instances(body: str, modifiers: list[str], rng: random.Random) -> list[bytes]:
    """Bytes that the pattern should match, one for each way its modifiers let it appear."""
    if body.startswith("{"):
        return [hex_instance(body[1:-1], rng)]
    plain = [regex_instance(body, rng)] if body.startswith("/") else [unescape(body[1:-1])]
    words = {word.split("(")[0] for word in modifiers}
    if "nocase" in words:
        plain = [bytes(b ^ 0x20 if chr(b).isascii() and chr(b).isalpha() and rng.random() < 0.5 else b for b in p)
                 for p in plain]
    shapes = [] if "wide" in words and "ascii" not in words else list(plain)
    if "wide" in words:
        shapes += [widen(p) for p in plain]
    if "base64" in words or "base64wide" in words:
        coded = [base64.b64encode(bytes(rng.randrange(3)) + s + b"tail") for s in shapes]
        shapes = [c if word == "base64" else widen(c) for c in coded for word in ("base64", "base64wide") if word in words]
    if "xor" in words:
        shapes = [bytes(b ^ key for b in s) for s in shapes for key in (rng.randrange(256),)]
    if "fullword" in words and rng.random() < 0.2:
        shapes += [b"x" + s for s in shapes]
    return shapes


def widen(data: bytes) -> bytes:
    return bytes(x for b in data for x in (b, 0))


def unescape(text: str) -> bytes:
    """Bytes of a text literal."""
    simple = {"n": b"\n", "t": b"\t", "r": b"\r", '"': b'"', "\\": b"\\"}
    out, at = b"", 0
    for escape in re.finditer(r"\\(x([0-9a-fA-F]{2})|.)", text, re.DOTALL):
        out += text[at : escape.start()].encode()
        out += bytes([int(escape[2], 16)]) if escape[2] else simple.get(escape[1], escape[0].encode())
        at = escape.end()
    return out + text[at:].encode()


def hex_instance(body: str, rng: random.Random) -> bytes:
    """One instance of a hex pattern; alternatives and jumps are chosen at random."""
    body = re.sub(r"//[^\n]*|/\*.*?\*/", " ", body, flags=re.DOTALL)
    while "(" in body:
        chosen = re.sub(r"\(([^()]*)\)", lambda m: rng.choice(m[1].split("|")), body)
        if chosen == body:
            break
        body = chosen
    out = bytearray()
    for token in re.finditer(r"\[([^\]]*)\]|(~?)([0-9a-fA-F?])\s*([0-9a-fA-F?])", body):
        if token[3] is None:
            low, _, high = token[1].partition("-")
            least = int(low) if low.strip() else 0
            most = int(high) if high.strip() else (least if "-" not in token[1] else least + MAX_EXTRA)
            out += rng.randbytes(rng.randint(least, max(least, min(most, least + MAX_EXTRA))))
            continue
        byte = 0
        for digit in (token[3], token[4]):
            byte = byte * 16 + (rng.randrange(16) if digit == "?" else int(digit, 16))
        out.append(byte ^ 0x11 if token[2] else byte)
    return bytes(out)


def regex_instance(body: str, rng: random.Random) -> bytes:
    """One instance of a regular expression, or nothing if Python reads the expression otherwise."""
    expression, _, flags = body[1:].rpartition("/")
    try:
        with_flags = sre_parser.parse(expression.replace(r"\/", "/"), re.DOTALL if "s" in flags else 0)
    except (re.error, ValueError, OverflowError):
        return b""
    return "".join(generate(with_flags, rng)).encode("latin-1", "ignore")


def generate(parsed, rng: random.Random):
    """Characters of a random instance of a parsed regular expression."""
    for op, value in parsed:
        if op is sre.LITERAL:
            yield chr(value)
        elif op is sre.NOT_LITERAL:
            yield "a" if value != ord("a") else "b"
        elif op is sre.ANY:
            yield rng.choice("az09_ -")
        elif op is sre.IN:
            yield member(value, rng)
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, inner = value
            for _ in range(rng.randint(least, min(max(least, most), least + MAX_EXTRA))):
                yield from generate(inner, rng)
        elif op is sre.SUBPATTERN:
            yield from generate(value[-1], rng)
        elif op is sre.BRANCH:
            yield from generate(rng.choice(value[1]), rng)


def member(items, rng: random.Random) -> str:
    """A character of a class; printable ones are tried first."""
    choices = [chr(c) for c in range(32, 127)] + ["\n", "\t", "\0", "\x80", "\xff"]
    good = [c for c in choices if in_class(c, items)]
    return rng.choice(good) if good else "\0"


def in_class(character: str, items) -> bool:
    categories = {
        sre.CATEGORY_DIGIT: r"[0-9]", sre.CATEGORY_NOT_DIGIT: r"[^0-9]",
        sre.CATEGORY_SPACE: r"[ \t\n\r\f\v]", sre.CATEGORY_NOT_SPACE: r"[^ \t\n\r\f\v]",
        sre.CATEGORY_WORD: r"[A-Za-z0-9_]", sre.CATEGORY_NOT_WORD: r"[^A-Za-z0-9_]",
    }
    negated = found = False
    for op, value in items:
        if op is sre.NEGATE:
            negated = True
        elif op is sre.LITERAL:
            found = found or ord(character) == value
        elif op is sre.RANGE:
            found = found or value[0] <= ord(character) <= value[1]
        elif op is sre.CATEGORY:
            found = found or re.fullmatch(categories[value], character) is not None
    return found != negated


if __name__ == "__main__":
    main()
