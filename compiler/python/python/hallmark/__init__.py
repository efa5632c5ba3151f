"""Compile YARA rules, open signed databases of them, and scan.

>>> import hallmark
>>> db = hallmark.compile('rule hello : greeting { strings: $a = "hello" condition: $a }')
>>> for match in db.scan(b"say hello"):
...     print(match.rule, match.tags, [(s.id, s.offset, s.data) for s in match.strings])
hello ['greeting'] [('$a', 4, b'hello')]

`compile` makes a `Database` of rules, `open` verifies and maps one that was built. A database can be used from any
number of threads at once; they scan side by side.
"""

from ._hallmark import Database, Match, StringMatch, __version__, compile, open
from ._types import (
    CompileError,
    DatabaseError,
    Diagnostic,
    Error,
    Incomplete,
    Rejected,
    ScanError,
    ScanResult,
    Stats,
)

__all__ = [
    "CompileError",
    "Database",
    "DatabaseError",
    "Diagnostic",
    "Error",
    "Incomplete",
    "Match",
    "Rejected",
    "ScanError",
    "ScanResult",
    "Stats",
    "StringMatch",
    "__version__",
    "compile",
    "open",
]

# Where users find them, and how tracebacks and help name them.
for _name in __all__:
    if _name != "__version__":
        setattr(globals()[_name], "__module__", __name__)
del _name
