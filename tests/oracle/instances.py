"""Bytes that patterns match: of each form of a pattern, one instance at random."""

import base64
import random
import re

import conditions

try:
    from re import _constants as sre, _parser as sre_parser
except ImportError:  # Python before 3.11
    import sre_constants as sre
    import sre_parse as sre_parser

# Repetitions beyond their minimum that an instance of a regular expression or a jump may get.
MAX_EXTRA = 12


def pattern_instances(body: str, modifiers: list[str], rng: random.Random) -> list[bytes]:
    """Bytes that the pattern should match, one for each way its modifiers let it appear."""
    if body.startswith("{"):
        return [hex_instance(body[1:-1], rng)]
    plain = [regex_instance(body, rng)] if body.startswith("/") else [conditions.unescape(body[1:-1])]
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
