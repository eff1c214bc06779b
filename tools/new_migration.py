"""Write a migration for what changed in the models since the last one, for a person to read and correct."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from alembic import command

from portal.app import create_app
from portal.kernel.settings import load
from tests.support.migrating import config, upgrade


def main(arguments: list[str]) -> int:
    """Compare with a fresh database and write the file; returns an exit status."""
    name = " ".join(arguments).strip()
    if not re.fullmatch(r"[a-z][a-z0-9 ]{3,50}", name):
        print('Say what changes: make new-migration NAME="add shifts" (small letters, digits, spaces)', file=sys.stderr)
        return 2
    versions = ROOT / "migrations" / "versions"
    versions.mkdir(exist_ok=True)
    number = f"{len(list(versions.glob('[0-9]*.py'))) + 1:04d}"
    with tempfile.TemporaryDirectory(prefix="hearth-migration-") as folder:
        app = create_app(load({}, instance=folder, worker=False, log_level="ERROR"))
        with app.app_context():
            upgrade()
            made = command.revision(config(), message=name, autogenerate=True, rev_id=number)
    if not made or isinstance(made, list):
        print("The models have not changed.")
        return 0
    path = Path(made.path)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(path)], check=False)
    print(f"Wrote {path.relative_to(ROOT)}. Read it, complete the way down, and run it on both databases: make test TESTS=tests/migrations")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
