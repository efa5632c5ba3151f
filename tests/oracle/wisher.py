"""Finds one way of many in which a condition holds.

`Wisher` walks a tree of `conditions` and collects `Wishes`: which patterns must be there, how often and where, which must
not, numbers at offsets, sizes, and facts about a PE file. Of alternatives it tries one after the other, in an order that
random numbers choose when it is sparing. What it has no way to bring about raises `Impossible`. It does not judge: whether
the file that is made from the wishes makes the rule match is for the peer to say.
"""

import copy
import operator
import random

import facts
from wishes import Impossible, Place, Wishes

NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
CONSTANTS = {
    "true": 1, "false": 0, "pe.DLL": 0x2000, "pe.EXECUTABLE_IMAGE": 2, "pe.MACHINE_I386": 0x14C, "pe.MACHINE_AMD64": 0x8664,
    "pe.SUBSYSTEM_NATIVE": 1, "pe.SUBSYSTEM_WINDOWS_GUI": 2, "pe.SUBSYSTEM_WINDOWS_CUI": 3,
}
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "\\": operator.floordiv, "|": operator.or_,
              "&": operator.and_}


class Wisher:
    """Collects the wishes of one rule. `rules` gives patterns and condition tree of every rule by name."""

    def __init__(self, rules: dict, rule: str, rng: random.Random, sparing: bool):
        self.rules, self.rule, self.rng, self.sparing = rules, rule, rng, sparing
        self.wishes = Wishes()
        self.current: list[str] = []
        self.values: dict = {}

    def collect(self) -> Wishes:
        self.wish(self.rules[self.rule][1], True)
        return self.wishes

    def wish(self, node, truth: bool) -> None:
        """Adds what makes `node` true, or false."""
        kind = node[0]
        if kind == "not":
            return self.wish(node[1], not truth)
        if kind in ("and", "or"):
            if (kind == "and") == truth:
                # Refusals first: what is wanted keeps clear of them. But what may not be at a place may be elsewhere.
                for part in sorted(node[1], key=lambda part: part[0] != "not" or anchored(part[1])):
                    self.wish(part, truth)
                return None
            return self.either([lambda part=part: self.wish(part, truth) for part in node[1]])
        if kind == "match":
            return self.match(node[1], node[2], truth)
        if kind == "of":
            return self.of(node, truth)
        if kind == "for of":
            return self.for_of(node, truth)
        if kind == "for in":
            return self.for_in(node, truth)
        if kind == "two":
            if node[1] in NEGATED or node[1] not in "&|":
                return self.compare(node[1], node[2], node[3], truth)
            # Bits that are not zero.
            return self.compare("==", node, node[3], truth)
        if kind == "name":
            return self.named(node[1], truth)
        if kind == "count":
            return self.compare(">", node, ("number", 0), truth)
        if kind in ("call", "dot", "index"):
            return self.fact(node, truth)
        if kind == "number":
            if bool(node[1]) != truth:
                raise Impossible("a constant")
            return None
        raise Impossible(kind)

    def either(self, ways: list) -> None:
        """One of several ways, the first that is possible."""
        if not self.sparing:
            order = list(ways)
        else:
            order = self.rng.sample(ways, len(ways))
        for way in order:
            before = copy.deepcopy(self.wishes)
            try:
                return way()
            except Impossible:
                self.wishes = before
        raise Impossible("no alternative")

    def pattern(self, name: str):
        if name == "$" and self.current:
            name = self.current[-1]
        return (self.rule, name)

    def match(self, name: str, anchor, truth: bool) -> None:
        pattern = self.pattern(name)
        if not truth:
            return self.elsewhere(pattern, anchor)
        self.wishes.want(pattern)
        if anchor and anchor[0] == "at":
            self.wishes.places.setdefault(pattern, self.place(anchor[1]))
        elif anchor:
            self.wishes.ranges.setdefault(pattern, (self.place(anchor[1]), self.place(anchor[2])))
        return None

    def elsewhere(self, pattern, anchor) -> None:
        """Not at a place, or not at all: keeping a pattern out altogether is the sure way."""
        if pattern not in self.wishes.present:
            return self.wishes.refuse(pattern)
        if anchor and anchor[0] == "in":
            self.wishes.ranges.setdefault(pattern, (Place(None, self.place(anchor[2]).delta + 1), Place(None, 1 << 30)))
        elif not anchor:
            self.wishes.refuse(pattern)
        return None

    def members(self, names) -> list[str]:
        """Names of the patterns of a set."""
        known = [name for name, _, _ in self.rules[self.rule][0]]
        if names == "them":
            return known
        found: list[str] = []
        for name in names:
            found += [k for k in known if k == name or (name.endswith("*") and k.startswith(name[:-1]))]
        return list(dict.fromkeys(found))

    def quantity(self, quantifier, count: int) -> int:
        if quantifier == "all":
            return count
        if quantifier in ("any", "none"):
            return 1
        if quantifier[0] == "percent":
            return -(-int(self.number(quantifier[1])) * count // 100)
        return int(self.number(quantifier))

    def of(self, node, truth: bool) -> None:
        _, quantifier, names, anchor = node
        if quantifier == "none":
            quantifier, truth = "any", not truth
        if names == "them" or all(isinstance(name, str) and name[0] == "$" for name in names):
            ways = [lambda t, n=n: self.match(n, anchor, t) for n in self.members(names)]
        else:
            ways = [lambda t, n=n: self.wish(n if isinstance(n, tuple) else ("name", n), t) for n in names]
        self.some(ways, self.quantity(quantifier, len(ways)), truth)

    def some(self, ways: list, least: int, truth: bool) -> None:
        """At least so many of the ways, as many as possible when not sparing; or fewer."""
        need = least if truth else len(ways) - least + 1
        if need > len(ways):
            raise Impossible("more than there are")
        order = self.rng.sample(ways, len(ways)) if self.sparing else ways
        done = 0
        for way in order:
            if done >= need and (self.sparing or not truth):
                return
            before = copy.deepcopy(self.wishes)
            try:
                way(truth)
                done += 1
            except Impossible:
                self.wishes = before
        if done < need:
            raise Impossible("too few")

    def for_of(self, node, truth: bool) -> None:
        _, quantifier, names, body = node
        if quantifier == "none":
            quantifier, truth = "any", not truth

        def one(name):
            def way(t):
                self.current.append(name)
                try:
                    # What is asked of a pattern mostly holds for one that is there.
                    if t:
                        self.wishes.want(self.pattern(name))
                    self.wish(body, t)
                finally:
                    self.current.pop()
            return way

        ways = [one(name) for name in self.members(names)]
        self.some(ways, self.quantity(quantifier, len(ways)), truth)

    def for_in(self, node, truth: bool) -> None:
        """The first item alone: of matches, sections, signatures there is one then."""
        _, quantifier, names, items, body = node
        if isinstance(items, list):
            def value(item):
                return lambda t: self.bound(names[0], item, body, t)
            return self.some([value(item) for item in items], self.quantity(quantifier, len(items)), truth)
        if not truth or len(names) != 1:
            raise Impossible("a loop")
        first = items[1] if items[0] == "range" else ("index", items, ("number", 0))
        if items[0] == "range" and self.number(first) == 1:
            # Matches are counted from one: the last that is asked for has to be there.
            self.either([lambda: self.compare("==", items[2], ("number", 1), True), lambda: None])
        return self.bound(names[0], first, body, True)

    def bound(self, name: str, value, body, truth: bool) -> None:
        before = self.values.get(name)
        self.values[name] = value
        try:
            self.wish(body, truth)
        finally:
            self.values[name] = before

    def named(self, name: str, truth: bool) -> None:
        if self.values.get(name):
            return self.wish(self.values[name], truth)
        if name in CONSTANTS:
            if bool(CONSTANTS[name]) != truth:
                raise Impossible(name)
            return None
        if name not in self.rules:
            raise Impossible(f"the value of {name}")
        outer, self.rule = self.rule, name
        try:
            self.wish(self.rules[name][1], truth)
        finally:
            self.rule = outer
        return None

    def number(self, node):
        """The value of a constant."""
        if node[0] == "number":
            return node[1]
        if node[0] == "name" and self.values.get(node[1]):
            return self.number(self.values[node[1]])
        path = self.path(node) if node[0] in ("dot", "name") else None
        if path in CONSTANTS:
            return CONSTANTS[path]
        if node[0] == "two" and node[1] in ARITHMETIC:
            try:
                return ARITHMETIC[node[1]](self.number(node[2]), self.number(node[3]))
            except (TypeError, ZeroDivisionError):
                pass
        raise Impossible("not a constant")

    def place(self, node) -> Place:
        """An offset."""
        try:
            return Place(None, int(self.number(node)))
        except Impossible:
            pass
        if node[0] == "name" and node[1] == "filesize":
            return Place("end", 0)
        if node[0] == "name" and self.values.get(node[1]):
            return self.place(self.values[node[1]])
        if node[0] == "name" and node[1] == "entrypoint" or self.path(node) in ("pe.entry_point", "elf.entry_point"):
            return Place("entry", 0)
        if node[0] == "offset":
            self.wishes.want(self.pattern(node[1]))
            return Place(self.pattern(node[1]), 0)
        if node[0] == "length":
            return Place(None, 0)
        if node == ("call", ("name", "uint32"), [("number", 0x3C)]):
            self.wishes.be_pe()
            return Place("pe", 0)
        if node[0] == "two" and node[1] in "+-":
            left, right = node[2], node[3]
            sign = 1 if node[1] == "+" else -1
            a, b = self.place(left), self.place(right)
            if b.base is None:
                return Place(a.base, a.delta + sign * b.delta)
            if a.base is None and sign == 1:
                return Place(b.base, b.delta + a.delta)
        raise Impossible("an offset")

    def path(self, node) -> str:
        """`pe.sections[0].name`, with the values of loop variables in it; empty if it is something else."""
        if node[0] == "name":
            return node[1]
        if node[0] == "dot":
            base = self.path(node[1])
            return f"{base}.{node[2]}" if base else ""
        if node[0] == "index":
            base, index = self.path(node[1]), node[2]
            try:
                return f"{base}[{index[1].decode('latin-1') if index[0] == 'text' else self.number(index)}]"
            except Impossible:
                return ""
        return ""

    def compare(self, sign: str, left, right, truth: bool) -> None:
        """A comparison, whichever side the number or text stands on."""
        if sign in NEGATED and not truth:
            return self.compare(NEGATED[sign], left, right, True)
        for a, op, b in ((left, sign, right), (right, MIRRORED.get(sign), left)):
            if op and facts.one_sided(self, a, op, b, truth):
                return None
        raise Impossible("a comparison")

    def fact(self, node, truth: bool) -> None:
        """A fact that stands alone."""
        if not facts.alone(self, node, truth):
            raise Impossible(self.path(node) or "a function")


def anchored(node) -> bool:
    """Whether this is a pattern at a place."""
    return node[0] == "match" and node[2] is not None
