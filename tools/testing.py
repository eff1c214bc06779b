"""See that a Chromium and a PostgreSQL are there for the tests; install them when not, explain when that fails.

Run by `make test` inside the environment. What is found is not written down: the tests look in the same way.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.browser import find_chromium
from tests.support.databases import find_postgres

NO_CHROMIUM = """The browser tests need a Chromium, and none could be installed.
  Debian or Ubuntu:  apt install chromium
  anywhere else:     install Chromium or Chrome, or point CHROMIUM at the program
Then run `make test` again."""
NO_DRIVER = """The program that drives the browser does not start on this machine, most likely for want of a library:
  {why}
  Debian or Ubuntu:  apt install libatomic1
Then run `make test` again."""
NO_POSTGRES = """The tests need PostgreSQL's programs (initdb, postgres), and none could be installed.
  Debian or Ubuntu:  apt install postgresql
Then run `make test` again."""


def main() -> int:
    """Provide both; returns an exit status."""
    if not (find_chromium() or (_apt("chromium", "fonts-liberation") and find_chromium()) or (_playwright_chromium() and find_chromium())):
        print(NO_CHROMIUM, file=sys.stderr)
        return 1
    if (why := _driver_problem()) and not (_apt("libatomic1") and not (why := _driver_problem())):
        print(NO_DRIVER.format(why=why), file=sys.stderr)
        return 1
    if not (find_postgres() or (_apt("postgresql") and find_postgres())):
        print(NO_POSTGRES, file=sys.stderr)
        return 1
    print(f"== Tests use {find_chromium()} and PostgreSQL from {find_postgres()}", flush=True)
    return 0


def _apt(*packages: str) -> bool:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    print(f"== Installing {', '.join(packages)} with apt", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    # The index is often stale or absent on a new machine; a failing update may still leave a usable one.
    subprocess.run(["apt-get", "-qq", "update"], env=environment, check=False, stdin=subprocess.DEVNULL)
    command = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages]
    return subprocess.run(command, env=environment, check=False, stdin=subprocess.DEVNULL).returncode == 0


def _driver_problem() -> str:
    """Why Playwright's own Node cannot run here, empty when it can; a minimal Debian lacks a library of it."""
    from playwright._impl._driver import compute_driver_executable

    program, script = compute_driver_executable()
    done = subprocess.run([program, script, "--version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit status {done.returncode}"


def _playwright_chromium() -> bool:
    print("== Installing Playwright's own Chromium", flush=True)
    return subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
