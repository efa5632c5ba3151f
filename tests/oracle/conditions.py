"""Reads the condition of a rule into a tree.

A node is a tuple, its kind first:
    ("number", value) ("text", bytes) ("regex", body) ("name", word)
    ("dot", node, word) ("index", node, node) ("call", node, [node, …])
    ("match", id, anchor) ("count", id, range) ("offset", id, index) ("length", id, index)
    ("not", node) ("defined", node) ("and", [node, …]) ("or", [node, …]) ("two", operator, left, right)
    ("of", quantifier, set, anchor) ("for of", quantifier, set, body) ("for in", quantifier, [word, …], items, body)
An anchor is ("at", node), ("in", low, high) or None; a quantifier "all", "any", "none", a node, or ("percent", node).
A set is "them" or a list of names that may end in `*`, or of nodes; items are a range, a list of nodes, or a node.
What is read is meant to be satisfied, not judged: this is as lenient as a reader can be, and raises `Unreadable`.
"""

import re

TOKEN = re.compile(
    r"""
      (?P<skip> \s+ | //[^\n]* | /\*.*?\*/ )
    | (?P<text> "(?:\\.|[^"\\\n])*" )
    | (?P<number> 0x[0-9a-fA-F]+ | 0o[0-7]+ | \d+\.\d+ | \d+(?:KB|MB)? )
    | (?P<pattern> \$\w*\*? | [\#@]\w* | !(?!=)\w* )
    | (?P<word> [A-Za-z_]\w*\*? )
    | (?P<op> \.\. | == | != | <= | >= | << | >> | [-+*\\%&|^~<>()\[\],.:={}/] )
    """,
    re.VERBOSE | re.DOTALL,
)
REGEX = re.compile(r"/(?:\\.|[^/\\\n])+/[is]*")
# Operators from weak to strong; `and`, `or` and `not` stand below all of them.
LEVELS = [
    ("==", "!=", "<", ">", "<=", ">=", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith",
     "iequals", "matches"),
    ("|",), ("^",), ("&",), ("<<", ">>"), ("+", "-"), ("*", "\\", "%"),
]
QUANTIFIERS = ("all", "any", "none")


class Unreadable(Exception):
    """The text is no condition, or one with something that is not known here."""


def read(text: str):
    """The tree of the condition that `text` begins with; what follows its closing brace is left alone."""
    reader = Reader(text)
    tree = reader.disjunction()
    if reader.peek() not in ("}", None):
        raise Unreadable(f"`{reader.peek()}` after the condition")
    return tree


def unescape(text: str) -> bytes:
    """Bytes of what stands between the quotes of a text literal."""
    simple = {"n": b"\n", "t": b"\t", "r": b"\r", '"': b'"', "\\": b"\\", "0": b"\0"}
    out, at = b"", 0
    for escape in re.finditer(r"\\(x([0-9a-fA-F]{2})|.)", text, re.DOTALL):
        out += text[at : escape.start()].encode()
        out += bytes([int(escape[2], 16)]) if escape[2] else simple.get(escape[1], escape[0].encode())
        at = escape.end()
    return out + text[at:].encode()


class Reader:
    """Recursive descent over tokens."""

    def __init__(self, text: str):
        self.text, self.at = text, 0
        self.kind, self.token = None, None
        self.step()

    def step(self):
        """Reads the next token."""
        while True:
            found = TOKEN.match(self.text, self.at)
            if not found:
                if self.at < len(self.text):
                    raise Unreadable(f"at {self.text[self.at : self.at + 20]!r}")
                self.kind, self.token = None, None
                return
            self.start, self.at = self.at, found.end()
            if found.lastgroup != "skip":
                self.kind, self.token = found.lastgroup, found[0]
                return

    def peek(self):
        return self.token

    def take(self, *tokens: str):
        """The token, if it is one of these."""
        if self.token in tokens and self.kind != "text":
            token = self.token
            self.step()
            return token
        return None

    def want(self, token: str):
        if not self.take(token):
            raise Unreadable(f"`{self.token}` instead of `{token}`")

    def word(self) -> str:
        token = self.token
        self.step()
        return token

    def disjunction(self):
        parts = [self.conjunction()]
        while self.take("or"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else ("or", parts)

    def conjunction(self):
        parts = [self.negation()]
        while self.take("and"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else ("and", parts)

    def negation(self):
        if self.take("not"):
            return ("not", self.negation())
        if self.take("defined"):
            return ("defined", self.negation())
        return self.level(0)

    def level(self, level: int):
        if level == len(LEVELS):
            return self.unary()
        left = self.level(level + 1)
        # A percentage is no remainder.
        while operator := self.take(*LEVELS[level]):
            if operator == "%" and self.peek() == "of":
                return self.quantified(("percent", left))
            if operator == "matches":
                left = ("two", operator, left, self.regex())
            else:
                left = ("two", operator, left, self.level(level + 1))
        if self.peek() == "of":
            return self.quantified(left)
        return left

    def regex(self):
        found = REGEX.match(self.text, self.start)
        if self.token != "/" or not found:
            raise Unreadable("no expression")
        self.at = found.end()
        self.step()
        return ("regex", found[0])

    def unary(self):
        if operator := self.take("-", "~"):
            inner = self.unary()
            if operator == "-" and inner[0] == "number":
                return ("number", -inner[1])
            return ("call", ("name", operator), [inner])
        return self.postfix(self.primary())

    def primary(self):
        kind, token = self.kind, self.token
        if kind == "text":
            return ("text", unescape(self.word()[1:-1]))
        if kind == "number":
            return ("number", number(self.word()))
        if kind == "pattern":
            return self.pattern()
        if token == "/":
            return self.regex()
        if token == "for":
            return self.loop()
        if self.take("("):
            inner = self.disjunction()
            self.want(")")
            return inner
        if kind == "word":
            return self.quantified(self.word()) if token in QUANTIFIERS else ("name", self.word())
        raise Unreadable(f"`{token}`")

    def postfix(self, node):
        while True:
            if self.take("."):
                node = ("dot", node, self.word())
            elif self.take("["):
                node = ("index", node, self.disjunction())
                self.want("]")
            elif self.take("("):
                arguments = [] if self.peek() == ")" else self.list()
                self.want(")")
                node = ("call", node, arguments)
            else:
                return node

    def list(self):
        nodes = [self.disjunction()]
        while self.take(","):
            nodes.append(self.disjunction())
        return nodes

    def pattern(self):
        token = self.word()
        name, sign = "$" + token[1:], token[0]
        if sign == "$":
            return ("match", name, self.anchor())
        if sign == "#":
            return ("count", name, self.range() if self.take("in") else None)
        index = None
        if self.take("["):
            index = self.disjunction()
            self.want("]")
        return ("offset" if sign == "@" else "length", name, index)

    def anchor(self):
        if self.take("at"):
            return ("at", self.level(1))
        return ("in", *self.range()) if self.take("in") else None

    def range(self):
        self.want("(")
        low = self.disjunction()
        self.want("..")
        high = self.disjunction()
        self.want(")")
        return low, high

    def quantified(self, quantifier):
        self.want("of")
        members = self.set()
        return ("of", quantifier, members, self.anchor())

    def set(self):
        if self.take("them"):
            return "them"
        self.want("(")
        members = []
        while not self.take(")"):
            if self.kind == "pattern" or (self.kind == "word" and self.token.endswith("*")):
                members.append(self.word())
            else:
                members.append(self.disjunction())
            self.take(",")
        return members

    def loop(self):
        self.want("for")
        quantifier = self.word() if self.peek() in QUANTIFIERS else self.level(5)
        if self.take("%"):
            quantifier = ("percent", quantifier)
        if self.take("of"):
            members = self.set()
            return ("for of", quantifier, members, self.body())
        names = [self.word()]
        while self.take(","):
            names.append(self.word())
        self.want("in")
        if self.take("("):
            first = self.disjunction()
            items = ("range", first, self.disjunction()) if self.take("..") else [first]
            while self.take(","):
                items.append(self.disjunction())
            self.want(")")
        else:
            items = self.postfix(self.primary())
        return ("for in", quantifier, names, items, self.body())

    def body(self):
        self.want(":")
        self.want("(")
        inner = self.disjunction()
        self.want(")")
        return inner


def number(token: str):
    """The value of a number."""
    if "." in token:
        return float(token)
    for unit, factor in (("KB", 1024), ("MB", 1024 * 1024)):
        if token.endswith(unit):
            return int(token[:-2]) * factor
    return int(token, 0) if token.startswith("0") and len(token) > 1 and not token.isdigit() else int(token)
