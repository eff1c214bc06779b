"""Create .venv and install pinned, hashed requirements in it; do nothing when that has been done.

Runs on the machine's own Python, so it uses nothing but the standard library.
Usage: environment.py base|postgres|dev
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "stamps"
CONTAINS = {"base": ("base", "postgres", "dev"), "postgres": ("postgres", "dev"), "dev": ("dev",)}


def main(arguments: list[str]) -> int:
    """Make the environment hold at least the named set; returns an exit status."""
    if len(arguments) != 1 or arguments[0] not in CONTAINS:
        print("usage: environment.py base|postgres|dev", file=sys.stderr)
        return 2
    wanted = arguments[0]
    if any(_is_current(name) for name in CONTAINS[wanted]):
        return 0
    problem = _missing_modules() or _make_venv()
    if problem:
        print(problem, file=sys.stderr)
        return 1
    return _install(wanted)


def fingerprint(name: str) -> str:
    """What an installed set depends on: its requirements, the project file, the interpreter and the folder."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for path in (ROOT / "requirements" / f"{name}.txt", ROOT / "requirements" / "build.txt", ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_current(name: str) -> bool:
    stamp = STAMPS / name
    return PYTHON.exists() and stamp.is_file() and stamp.read_text() == fingerprint(name)


def _missing_modules() -> str | None:
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"Python {version} at {sys.executable} cannot create environments: its venv part is not installed.\n"
        f"On Debian or Ubuntu: apt install python{version}-venv    Then run the same command again."
    )


def _make_venv() -> str | None:
    if PYTHON.exists() and _version_of(PYTHON) == sys.version_info[:2]:
        return None
    if VENV.exists():
        print("== The environment in .venv belongs to another Python; making a new one")
        shutil.rmtree(VENV)
    print(f"== Creating .venv with Python {sys.version_info.major}.{sys.version_info.minor}", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
    return "Creating .venv did not work; the lines above say why." if made.returncode else None


def _version_of(python: Path) -> tuple[int, int] | None:
    try:
        answer = subprocess.run([str(python), "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    major, minor = answer.stdout.split()
    return int(major), int(minor)


def _install(name: str) -> int:
    print(f"== Installing requirements/{name}.txt (once; a few minutes on a slow line)", flush=True)
    for arguments in (
        ["--require-hashes", "-r", "requirements/build.txt"],
        ["--require-hashes", "-r", f"requirements/{name}.txt"],
        ["--no-deps", "--no-build-isolation", "--quiet", "--editable", "."],
    ):
        if _pip(arguments):
            print(f"Installing did not work: pip {' '.join(arguments)}. The lines above say why; a package index must be reachable.", file=sys.stderr)
            return 1
    subprocess.run([str(PYTHON), "-m", "compileall", "-q", "portal"], cwd=ROOT, check=False)
    STAMPS.mkdir(exist_ok=True)
    (STAMPS / name).write_text(fingerprint(name))
    print("== The environment is ready", flush=True)
    return 0


def _pip(arguments: list[str]) -> int:
    # --no-input: a question nobody sees would look like a hang.
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--compile", "--progress-bar", "off", *arguments]
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH"}}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if not line.startswith("Requirement already satisfied"):
                print(line, end="", flush=True)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
