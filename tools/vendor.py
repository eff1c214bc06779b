"""Compare what is vendored in static/vendor with the checksums noted in VENDOR.md. Runs on the standard library alone."""

import hashlib
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "static" / "vendor"
NOTES = FOLDER / "VENDOR.md"


def noted() -> dict[str, str]:
    """Checksum by file, as VENDOR.md has them: any line that names a file and a SHA-256."""
    found = {}
    for line in NOTES.read_text(encoding="utf-8").splitlines():
        file, checksum = re.search(r"[\w.-]+@[\w.-]+/[\w./-]+", line), re.search(r"\b[0-9a-f]{64}\b", line)
        if file and checksum:
            found[file.group()] = checksum.group()
    return found


def present() -> dict[str, str]:
    """Checksum by file, as they lie there; compressed twins are made from them and not listed."""
    files = [path for path in FOLDER.rglob("*") if path.is_file() and path != NOTES and path.suffix not in {".br", ".gz"}]
    return {path.relative_to(FOLDER).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def differences() -> list[str]:
    """What differs, one line each; empty is what we want."""
    notes, files = noted(), present()
    lines = [f"{name} is noted but not there" for name in sorted(notes.keys() - files.keys())]
    lines += [f"{name} is not what was noted" for name in sorted(notes.keys() & files.keys()) if notes[name] != files[name]]
    return lines + [f"{name} is there but not noted" for name in sorted(files.keys() - notes.keys()) if not name.endswith(("LICENSE", "LICENSE.txt"))]


def main() -> int:
    """Print the differences; returns an exit status."""
    found = differences()
    print("\n".join(found) if found else f"{len(noted())} vendored files are what was noted.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
