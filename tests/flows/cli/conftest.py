"""The `portal` command as a person runs it: a process with arguments, words and an exit status."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from portal.app import create_app
from portal.cli import main
from tests.support.browser import ROOT
from tests.support.stages import close, unplug_logs


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on the error output; more than one, or a traceback, is a fault."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def environment(**settings: str) -> dict[str, str]:
    """The caller's environment without settings of ours, plus ``settings``."""
    return {**{key: value for key, value in os.environ.items() if not key.startswith("HEARTH_")}, "PYTHONPATH": str(ROOT), **settings}


Run = Callable[..., Answer]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """``run("doctor", instance=folder)``: runs the command in an empty folder until its end.

    Here and not in a process of its own, which would cost a second each time; `started` shows that processes do the same.
    """
    apps: list[Flask] = []
    build = create_app
    monkeypatch.setattr("portal.app.create_app", lambda settings: apps.append(build(settings)) or apps[-1])
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("HEARTH_") and not name.startswith("HEARTH_TEST_")]:
        monkeypatch.delenv(name)

    def command(*arguments: str, instance: Path | str | None = None, typed: str = "", **settings: str) -> Answer:
        options = [] if instance is None else ["--instance", str(instance)]
        with monkeypatch.context() as here:
            for name, value in settings.items():
                here.setenv(name, value)
            here.setattr(sys, "argv", ["portal", *options, *arguments])
            here.setattr(sys, "stdin", io.StringIO(typed))
            with pytest.raises(SystemExit) as ended:
                main()
        while apps:
            close(apps.pop())
        unplug_logs()
        said = capsys.readouterr()
        assert "Traceback" not in said.err, said.err
        return Answer(int(ended.value.code or 0), said.out, said.err)

    yield command
    for app in apps:
        close(app)


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real installation as `portal init` makes it, once for all tests, which copy it."""
    folder = tmp_path_factory.mktemp("made") / "instance"
    words = ["init", "--name", "Ada Lind", "--email", "ada.lind@marlow.example", "--company", "Marlow Cycles", "--zone", "Europe/Berlin"]
    command = [sys.executable, "-m", "portal", "--instance", str(folder), *words]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout)
    return folder


@pytest.fixture
def company(_made: Path, tmp_path: Path) -> Path:
    """A copy of that installation for one test."""
    import shutil

    return Path(shutil.copytree(_made, tmp_path / "company"))
