"""The files that modules are compared on: members of pinned Python wheels, and files of this machine.

`wheels/PLATFORM.txt` pins wheels by digest for each platform of `pip download`, so that a run tomorrow reads the same
files; those in `wheels/more/` are for long runs. Taken are members that begin as a file that some module reads, and
those of archives within.
"""

import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

WHEELS = Path(__file__).resolve().parent / "wheels"
ARCHIVE = b"PK\x03\x04"
PYTHON_VERSION = "311"
# Where this machine has programs, libraries and objects.
SYSTEM = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec")


def download(folder: Path, more: bool) -> list[Path]:
    """The wheels, fetched into `folder` if they are not there, in order."""
    wheels = []
    for pins in sorted(WHEELS.glob("**/*.txt") if more else WHEELS.glob("*.txt")):
        text = pins.read_bytes()
        # Other pins, another folder: wheels of old ones are not taken.
        target = folder / f"{pins.stem}-{hashlib.sha256(text).hexdigest()[:16]}"
        if len(list(target.glob("*.whl"))) < text.count(b"=="):
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                       "--require-hashes", "--only-binary", ":all:", "--platform", pins.stem,
                       "--python-version", PYTHON_VERSION, "--dest", str(target), "--requirement", str(pins)]
            subprocess.run(command, check=True)
        wheels.extend(sorted(target.glob("*.whl")))
    return wheels


def members(wheel: Path, magics: tuple[bytes, ...]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each member of a wheel that begins with one of `magics`."""
    yield from archived(wheel.name, wheel.read_bytes(), magics, within=True)


def archived(name: str, data: bytes, magics: tuple[bytes, ...], within: bool) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in sorted(archive.namelist()):
            content, path = archive.read(member), f"{name}/{member}"
            if content.startswith(magics):
                yield path, content
            elif within and content.startswith(ARCHIVE):
                yield from archived(path, content, magics, within=False)


def found(folders: list[Path], magics: tuple[bytes, ...]) -> Iterator[tuple[str, bytes]]:
    """The same of the files in folders, each file once."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                head = file.read(max(map(len, magics)))
                if head.startswith(magics):
                    yield str(path), head + file.read()
