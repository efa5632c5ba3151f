"""Real .NET assemblies that what `dotnet` and `pe` see is compared on: those in two packages of the Python index."""

import pathlib
import subprocess
import sys
import zipfile

# Pinned, so that a run tomorrow reads the same files.
PACKAGES = ["pythonnet==3.2.1", "clr-loader==0.3.1"]


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Downloads the packages into `folder` if they are not there, and gives the assemblies in them, in order."""
    for package in PACKAGES:
        name = package.split("==")[0].replace("-", "_")
        if not list(folder.glob(f"{name}-*.whl")):
            fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
            subprocess.run(fetch, check=True)
    found = []
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for member in sorted(archive.namelist()):
                if member.endswith(".dll"):
                    target = folder / f"{wheel.stem}-{member.replace('/', '-')}"
                    target.write_bytes(archive.read(member))
                    found.append(target)
    return found


if __name__ == "__main__":
    for path in files(pathlib.Path(sys.argv[1])):
        print(path)
