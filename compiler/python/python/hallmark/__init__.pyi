import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Optional, Protocol, Union, final, type_check_only

from _typeshed import ReadableBuffer

_Path = Union[str, bytes, os.PathLike[str], os.PathLike[bytes]]
_Rules = Union[str, bytes]
_External = Union[bool, int, float, str, bytes]
_Meta = Union[int, float, bool, str, bytes]

@type_check_only
class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...

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

__version__: str

def compile(
    source_or_path: Optional[Union[_Rules, _Path]] = None,
    namespace: Optional[str] = None,
    externals: Optional[Mapping[str, _External]] = None,
    *,
    source: Optional[_Rules] = None,
    filepath: Optional[_Path] = None,
    sources: Optional[Mapping[str, _Rules]] = None,
    filepaths: Optional[Mapping[str, _Path]] = None,
    includes: bool = True,
    include_dirs: Optional[Sequence[_Path]] = None,
    ignore_invalid_rules: bool = False,
    relaxed_regex: bool = False,
) -> Database: ...
def open(path: _Path, policy: Optional[_Path] = None, allow_unsigned: bool = False) -> Database: ...

@final
class Database:
    @property
    def digest(self) -> str: ...
    @property
    def warnings(self) -> list[Diagnostic]: ...
    @property
    def rejected(self) -> list[Rejected]: ...
    def scan(
        self,
        data: ReadableBuffer,
        *,
        timeout: Optional[float] = None,
        max_steps: Optional[int] = None,
        max_bytes: Optional[int] = None,
        fast: bool = False,
        strings: bool = True,
        externals: Optional[Mapping[str, _External]] = None,
    ) -> ScanResult: ...
    def scan_file(
        self,
        path: _Path,
        *,
        timeout: Optional[float] = None,
        max_steps: Optional[int] = None,
        max_bytes: Optional[int] = None,
        fast: bool = False,
        strings: bool = True,
        externals: Optional[Mapping[str, _External]] = None,
    ) -> ScanResult: ...
    def scan_stream(
        self,
        stream: _Reader,
        *,
        timeout: Optional[float] = None,
        max_steps: Optional[int] = None,
        max_bytes: Optional[int] = None,
        fast: bool = False,
        strings: bool = True,
        externals: Optional[Mapping[str, _External]] = None,
    ) -> ScanResult: ...
    def save(self, path: _Path) -> None: ...

@final
class Match:
    @property
    def rule(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def tags(self) -> list[str]: ...
    @property
    def meta(self) -> dict[str, Union[_Meta, list[_Meta]]]: ...
    @property
    def strings(self) -> list[StringMatch]: ...

@final
class StringMatch:
    @property
    def id(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def data(self) -> bytes: ...
    @property
    def xor_key(self) -> Optional[int]: ...

class Diagnostic(NamedTuple):
    code: str
    severity: str
    message: str
    path: str
    line: int
    column: int
    label: str
    help: Optional[str]

class Rejected(NamedTuple):
    rule: Optional[str]
    code: str
    message: str
    path: str
    line: int
    column: int

class Incomplete(NamedTuple):
    what: str
    why: str

class Stats(NamedTuple):
    bytes: int
    candidates: int
    matches: int
    rules_evaluated: int
    steps: int

class Error(Exception): ...

class CompileError(Error):
    diagnostics: list[Diagnostic]
    def __init__(self, message: str, diagnostics: Iterable[Diagnostic] = ()) -> None: ...

class DatabaseError(Error): ...
class ScanError(Error): ...

class ScanResult(list[Match]):
    incomplete: list[Incomplete]
    messages: list[str]
    stats: Stats
    def __init__(
        self,
        matches: Iterable[Match],
        incomplete: Iterable[tuple[str, str]],
        messages: list[str],
        stats: Iterable[int],
    ) -> None: ...
    @property
    def matches(self) -> list[Match]: ...
    @property
    def complete(self) -> bool: ...
    def check(self) -> ScanResult: ...
