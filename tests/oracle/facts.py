"""How single comparisons and module facts become wishes: each function says whether it knew what to do."""

import random
import re

import instances
import pe_file
from wishes import Impossible, Place

READ = re.compile(r"u?int(8|16|32)(be)?$")
SECTION = re.compile(r"pe\.sections\[(\d+)\]\.(\w+)$")
SIGNATURE = re.compile(r"pe\.signatures\[(\d+)\]\.(\w+)$")
VERSION = re.compile(r"pe\.version_info\[(.*)\]$")
SIMPLE = {f"pe.{name}": name for name in ("timestamp", "machine", "subsystem", "dll_name", "characteristics")}
# Functions whose answers can only be found by trying.
DIGESTS = ("hash.", "pe.imphash", "pe.rich_signature", "math.", "time.", "elf.")


def value_for(operator: str, number):
    """A value that compares so with `number`."""
    return number + {"==": 0, ">=": 0, "<=": 0, ">": 1, "<": -1, "!=": 1}[operator]


def one_sided(wisher, node, operator: str, other, truth: bool) -> bool:
    """`node operator other`, if `node` is of a kind that can be made so."""
    wishes = wisher.wishes
    kind = node[0]
    if kind == "name" and wisher.values.get(node[1]):
        return one_sided(wisher, wisher.values[node[1]], operator, other, truth)
    if node == ("name", "filesize") and operator in value_operators():
        number = wisher.number(other)
        if operator in ("<", "<=", "=="):
            wishes.most_size = min(wishes.most_size, value_for(operator, number))
        if operator in (">", ">=", "=="):
            wishes.least_size = max(wishes.least_size, value_for(operator, number))
        if wishes.least_size > wishes.most_size:
            raise Impossible("a size")
        return True
    if counts(node) and operator in value_operators():
        return count(wisher, counts(node), operator, other)
    if kind == "offset" and operator in value_operators():
        return offset(wisher, node, operator, other)
    if kind == "length":
        wishes.want(wisher.pattern(node[1]))
        return True
    if kind == "two" and node[1] == "&" and operator == "==":
        # What is left of a number under a mask.
        return one_sided(wisher, node[2], operator, other, truth)
    if kind == "two" and node[1] == "^" and operator == "==":
        # One of them is zero.
        zero = one_sided(wisher, node[3], "==", ("number", 0), truth)
        return zero and one_sided(wisher, node[2], "==", other, truth)
    if kind == "call" and node[1][0] == "name" and READ.match(node[1][1]):
        return read(wisher, node, operator, other)
    path = wisher.path(node)
    if path.startswith("pe.") and not path.startswith(DIGESTS):
        return pe(wisher, path, operator, other, truth)
    return False


def value_operators():
    return ("==", "!=", "<", "<=", ">", ">=")


def counts(node) -> list | None:
    """The patterns of a sum of counts."""
    if node[0] == "count":
        return [node]
    if node[0] == "two" and node[1] == "+":
        left, right = counts(node[2]), counts(node[3])
        return left + right if left and right else None
    return None


def count(wisher, nodes: list, operator: str, other) -> bool:
    """A sum of counts, made of the first pattern alone, compared with a number or another sum."""
    wishes, others = wisher.wishes, counts(other)
    if others:
        if operator not in (">", ">=", "!="):
            return False
        for node in others:
            wishes.refuse(wisher.pattern(node[1]))
        wishes.want(wisher.pattern(nodes[0][1]))
        return True
    number = value_for(operator, int(wisher.number(other)))
    if operator in ("<", "<=") or number == 0:
        if number < 0:
            raise Impossible("a negative count")
        for node in nodes:
            if wisher.pattern(node[1]) not in wishes.present:
                wishes.refuse(wisher.pattern(node[1]))
        return True

    def way(node):
        def add():
            wisher.wishes.want(wisher.pattern(node[1]), number)
            if node[2]:
                wisher.wishes.ranges.setdefault(wisher.pattern(node[1]), tuple(map(wisher.place, node[2])))
        return add

    wisher.either([way(node) for node in nodes])
    return True


def offset(wisher, node, operator: str, other) -> bool:
    """Where a pattern is: at a place, or before or after another."""
    wishes, pattern = wisher.wishes, wisher.pattern(node[1])
    wishes.want(pattern)
    place = wisher.place(other)
    if operator in ("==", ">=", "<=") or place.base is None:
        delta = place.delta + {">": 1, "<": -1}.get(operator, 0)
        if place.base == pattern or delta < 0 and place.base is None:
            return False
        wishes.places.setdefault(pattern, Place(place.base, delta))
    else:
        first, second = (place.base, pattern) if operator == ">" else (pattern, place.base)
        wishes.order.append((first, second))
    return True


def read(wisher, node, operator: str, other) -> bool:
    """A number in the file."""
    bits, big = READ.match(node[1][1]).groups()
    size = int(bits) // 8
    number = wisher.number(other)
    place = wisher.place(node[2][0])
    if operator == "!=":
        # It mostly is something else anyway, if it is there.
        if place.base is None:
            wisher.wishes.least_size = max(wisher.wishes.least_size, place.delta + size)
            if number == 0 and size == 1:
                wisher.wishes.numbers.append((place, b"\1"))
        return True
    written = (value_for(operator, int(number)) & ((1 << int(bits)) - 1)).to_bytes(size, "big" if big else "little")
    if place == Place(None, 0) and written[:2] == b"MZ":
        wisher.wishes.be_pe()
    elif place.base == "pe" and place.delta == 0x18 and written[:2] == b"\x0b\x02":
        wisher.wishes.be_pe().wide = True
    elif place.base == "pe" and (place.delta, written[:2]) in ((0, b"PE"), (0x18, b"\x0b\x01")):
        wisher.wishes.be_pe()
    else:
        wisher.wishes.numbers.append((place, written))
    return True


def text(operator: str, value: bytes, truth: bool) -> bytes:
    """A text that compares so with `value`."""
    if operator == "matches":
        return instances.regex_instance(value, random.Random(1)) if truth else b"zz"
    return value if truth and operator != "!=" else b"zz"


def pe(wisher, path: str, operator: str, other, truth: bool) -> bool:
    """A field of the PE module. One that was asked for before keeps its value."""
    file = wisher.wishes.be_pe()
    known = wisher.wishes.facts
    if other[0] in ("text", "regex"):
        value = text(operator, other[1], truth)
    elif operator in value_operators():
        value = value_for(operator, int(wisher.number(other)))
    else:
        return False
    if known.setdefault(path, value) != value:
        # Several texts that have to be in one: one after the other.
        if isinstance(value, bytes) and truth and "contains" in operator:
            value = known[path] = known[path] + b" " + value
        elif operator != "!=":
            raise Impossible(f"{path} twice")
    if section := SECTION.match(path):
        return section_field(file, int(section[1]), section[2], value)
    if signature := SIGNATURE.match(path):
        return signature_field(file, int(signature[1]), signature[2], value)
    if version := VERSION.match(path):
        file.version[version[1].encode("latin-1")] = value
        return True
    if path == "pe.number_of_sections" and 0 < value <= 90:
        while len(file.sections) < value:
            file.sections.append([b".data", 0])
        return len(file.sections) == value or operator in (">", ">=")
    if path == "pe.number_of_signatures" and value <= 8:
        while len(file.signatures) < value:
            file.signatures.append(pe_file.Signature())
        return True
    if path == "pe.number_of_exports":
        return len(file.exports) == value or not file.exports or operator in (">", ">=")
    if path in SIMPLE:
        if path == "pe.characteristics" and operator == "==":
            value |= file.characteristics
        if path == "pe.machine" and value == 0x8664:
            file.wide = True
        setattr(file, SIMPLE[path], value)
        return True
    return path == "pe.entry_point" and value == pe_file.ENTRY_POINT


def section_field(file, index: int, name: str, value) -> bool:
    if index > 90:
        return False
    while len(file.sections) <= index:
        file.sections.append([b".data", 0])
    place = {"name": 0, "raw_data_size": 1}.get(name)
    if place is None:
        return False
    file.sections[index][place] = value
    return True


def signature_field(file, index: int, name: str, value) -> bool:
    if index > 8:
        return False
    while len(file.signatures) <= index:
        file.signatures.append(pe_file.Signature())
    if name == "serial":
        value = bytes.fromhex(value.decode().replace(":", ""))
    if name not in ("subject", "issuer", "serial", "not_before", "not_after"):
        return False
    if name in ("subject", "issuer"):
        # The peer shows a name with its type; what a condition looks for may have one itself.
        value = re.sub(rb"^.*/CN=", b"", value)
    setattr(file.signatures[index], name, value)
    return True


def alone(wisher, node, truth: bool) -> bool:
    """A fact that is true or false by itself."""
    path = wisher.path(node[1]) if node[0] == "call" else wisher.path(node)
    arguments = node[2] if node[0] == "call" else []
    texts = [argument[1] for argument in arguments if argument[0] == "text"]
    if path == "console.log":
        return truth
    if path.startswith(DIGESTS) or not path.startswith("pe."):
        return False
    if not truth:
        return path in ("pe.exports", "pe.imports", "pe.is_dll", "pe.is_signed", "pe.is_64bit")
    file = wisher.wishes.be_pe()
    if path == "pe.exports" and texts:
        file.exports.append(texts[0]) if texts[0] not in file.exports else None
        return True
    if path == "pe.imports" and texts:
        names = file.imports.setdefault(texts[0], [])
        name = texts[1] if len(texts) > 1 else b"Something"
        names.append(name) if name not in names else None
        return True
    if path in ("pe.is_dll", "pe.DLL"):
        file.characteristics |= 0x2000
        return True
    if path == "pe.is_64bit":
        file.wide = True
        return True
    if path == "pe.is_signed" or path == "pe.number_of_signatures":
        file.signatures = file.signatures or [pe_file.Signature()]
        return True
    return path in ("pe.is_pe", "pe.is_32bit")
