"""An installed copy works as a checkout does: the wheel carries templates, static files and migrations."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

pytestmark = pytest.mark.slow
CARRIED = ("templates", "static", "migrations")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel unpacked, as pip would lay it down."""
    pytest.importorskip("hatchling", reason="`make install` brings the build backend")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True, text=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_carries_what_stands_at_the_top_level(installed: Path) -> None:
    """Every file of the three folders is there, and nothing of the tests."""
    for name in CARRIED:
        here = {path.relative_to(ROOT / name) for path in (ROOT / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        there = {path.relative_to(installed / "portal" / "_data" / name) for path in (installed / "portal" / "_data" / name).rglob("*") if path.is_file()}
        assert here <= there, name
    assert not (installed / "tests").exists()


def test_an_installed_copy_makes_an_instance(installed: Path, tmp_path: Path) -> None:
    """`portal init` from the unpacked wheel, far away from the checkout, makes a database that `portal doctor` likes."""
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); from portal.cli import main; main()"
    words = ["init", "--name", "Ada Lind", "--email", "ada.lind@marlow.example", "--company", "Marlow Cycles"]
    for arguments in (words, ["doctor"]):
        command = [sys.executable, "-c", code, "--instance", str(tmp_path / "instance"), *arguments]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert result.returncode == 0, result.stdout + result.stderr
