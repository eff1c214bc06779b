"""Say how the models differ from what the migrations make; part of `make check`."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from portal.app import create_app
from portal.kernel.settings import load
from tests.support.migrating import drift, upgrade


def main() -> int:
    """Migrate an empty SQLite database and compare; returns an exit status."""
    with tempfile.TemporaryDirectory(prefix="hearth-drift-") as folder:
        app = create_app(load({}, instance=folder, worker=False, log_level="ERROR"))
        with app.app_context():
            upgrade()
            found = drift()
    for difference in found:
        print(difference)
    print("Models and migrations differ: make new-migration NAME=..." if found else "Models and migrations agree.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
