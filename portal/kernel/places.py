"""Where templates, static files and migrations lie: in a checkout beside the package, in an installed copy inside it."""

from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Places:
    """The folders that come with the program."""

    templates: Path
    static: Path
    migrations: Path


def find_places() -> Places:
    """The folders of this copy of the program; raises RuntimeError when it is incomplete."""
    for root in (PACKAGE.parent, PACKAGE / "_data"):
        if (root / "templates").is_dir() and (root / "static").is_dir():
            return Places(root / "templates", root / "static", root / "migrations")
    raise RuntimeError("templates and static files are missing from this copy of Hearth; install it again")
