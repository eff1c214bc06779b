"""Fixtures every test may use, and the guards: no network, no real clock, nothing left behind.

Which database: ``app`` and everything on it runs on SQLite, tests marked ``postgres`` on both.
HEARTH_TEST_DATABASE=sqlite|postgres|both decides for all of them.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import time_machine
from flask import Flask
from sqlalchemy import event

from portal.kernel import jobs
from portal.kernel.db import db
from portal.kernel.settings import Settings
from tests.support import databases
from tests.support.browser import DESKTOP, LiveServer, Watch, launch
from tests.support.client import Visitor
from tests.support.jobs import failures, mails
from tests.support.live import cookies_for, world_instance
from tests.support.net import loopback_only
from tests.support.signing_in import signed_in
from tests.support.stages import COMPANY, Stage, build_world, clear_files, close, make_database, make_settings, raise_stage
from tests.support.story import STORY

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SHARED = "HEARTH_TEST_SHARED"

# A busy machine is slow without being wrong, so nothing here is timed; fixtures may be shared by the examples of one property.
hypothesis.settings.register_profile(
    "hearth", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture]
)
hypothesis.settings.load_profile("hearth")


# -- the run ---------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """The first process makes the folder that all workers of the run share."""
    if not hasattr(config, "workerinput"):
        os.environ[SHARED] = str(databases.fast_folder())
        os.environ["HEARTH_TEST_OWNER"] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """What the run made goes with it; the database server ends by itself when its owner does."""
    if not hasattr(config, "workerinput") and SHARED in os.environ:
        shutil.rmtree(os.environ.pop(SHARED), ignore_errors=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that touch a database run on each kind they are meant for."""
    if "database_kind" in metafunc.fixturenames:
        markers = {mark.name for mark in metafunc.definition.iter_markers()}
        metafunc.parametrize("database_kind", databases.kinds(markers), scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs on PostgreSQL is marked so, and can be left out with -m 'not postgres'."""
    for item in items:
        call = getattr(item, "callspec", None)
        if call is not None and call.params.get("database_kind") == databases.POSTGRES:
            item.add_marker(pytest.mark.postgres)


# -- guards ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    with loopback_only():
        yield


@pytest.fixture(autouse=True)
def clock(request: pytest.FixtureRequest) -> Iterator["Clock | None"]:
    """The story's clock, standing still until a test moves it; real time only where a test is marked ``real_clock``."""
    if any(request.node.get_closest_marker(name) for name in ("real_clock", "browser", "crash")):
        yield None
        return
    with time_machine.travel(STORY, tick=False) as traveller:
        yield Clock(traveller)


@dataclass(frozen=True)
class Clock:
    """Moves the story's time."""

    traveller: time_machine.Traveller

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Let time pass."""
        self.traveller.shift(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))

    def set(self, moment: Any) -> None:
        """Jump to an instant (aware datetime)."""
        self.traveller.move_to(moment, tick=False)


# -- the application and its database --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def worker_name() -> str:
    """The name of this xdist worker, or main."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of the run, in memory where possible."""
    return Path(os.environ[SHARED])


@pytest.fixture(scope="session")
def database_kind() -> str:
    """sqlite or postgres; parametrised for tests that use it."""
    return databases.SQLITE


@pytest.fixture(scope="session")
def _stages() -> Iterator[dict[str, Stage]]:
    stages: dict[str, Stage] = {}
    yield stages
    for stage in stages.values():
        close(stage.app)


@pytest.fixture(scope="session")
def stage_of(_stages: dict[str, Stage], shared_folder: Path, worker_name: str) -> Callable[[str], Stage]:
    """The stage for one kind of database, raised when it is first asked for."""

    def find(kind: str) -> Stage:
        if kind not in _stages:
            folder = shared_folder / f"{worker_name}-{kind}"
            folder.mkdir(parents=True, exist_ok=True)
            database = make_database(kind, shared_folder, worker_name, folder)
            database.empty()
            _stages[kind] = raise_stage(folder, database)
        return _stages[kind]

    return find


@pytest.fixture
def _stage(database_kind: str, stage_of: Callable[[str], Stage]) -> Stage:
    return stage_of(database_kind)


@pytest.fixture
def settings(_stage: Stage) -> Settings:
    """The settings of ``app``."""
    return _stage.settings


@pytest.fixture
def app(request: pytest.FixtureRequest, _stage: Stage) -> Iterator[Flask]:
    """The portal on a fresh database: with the named company when the test uses ``world``, else without a row."""
    _stage.templates.fresh(_template_for(request, _stage))
    clear_files(_stage.settings.instance)
    yield _stage.app
    with _stage.app.app_context():
        db.session.remove()


def _template_for(request: pytest.FixtureRequest, stage: Stage) -> str:
    return build_world(stage) if "world" in request.fixturenames else "empty"


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """An application context for tests that call queries and actions directly."""
    with app.app_context():
        yield app


@pytest.fixture
def world(app: Flask, _stage: Stage) -> Any:
    """The named little company (tests/support/world.py): Mara asks, Jonas resolves, Leo must not see it."""
    return _stage.worlds["world"]


# -- people in front of browsers -------------------------------------------------------------------------------------


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody nobody knows yet."""
    return Visitor(app)


@pytest.fixture
def sign_in(app: Flask) -> Callable[[Any], Visitor]:
    """A browser in which the given person (a row with an id, or the id) is signed in."""

    def browser_of(person: Any) -> Visitor:
        return signed_in(app, person if isinstance(person, int) else person.id)

    return browser_of


@pytest.fixture
def run_jobs(app: Flask) -> Callable[..., int]:
    """Run what is due now until nothing is left; with ``periodic=True`` also what the calendar asks for."""

    def run(*, periodic: bool = False, failing: bool = False) -> int:
        number = jobs.run_due(app, periodic=periodic)
        if not failing:
            assert not (found := failures(app)), found
        return number

    return run


@pytest.fixture
def outbox(app: Flask) -> Callable[..., list[Any]]:
    """Mail that was queued or sent, the oldest first; ``outbox(to="mara@...")`` narrows it."""

    def read(to: str | None = None) -> list[Any]:
        return [mail for mail in mails(app) if to is None or to in mail.to]

    return read


# -- counting statements ---------------------------------------------------------------------------------------------


@dataclass
class Statements:
    """The SQL that ran inside a block, transaction control left out."""

    texts: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many statements there were."""
        return len(self.texts)

    def __repr__(self) -> str:
        return f"{self.count} statements:\n" + "\n".join(f"  {number}. {' '.join(text.split())[:300]}" for number, text in enumerate(self.texts, 1))


@pytest.fixture
def query_count(app: Flask) -> Callable[[], Any]:
    """``with query_count() as statements: ...`` then ``assert statements.count <= 8, statements``."""

    @contextmanager
    def counting() -> Iterator[Statements]:
        with app.app_context():
            engine = db.engine
        seen = Statements()

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.split(maxsplit=1)[0].upper() not in {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA"}:
                seen.texts.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return counting


# -- real browser, real server ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """A real Chromium, started once per worker."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def live_server(stage_of: Callable[[str], Stage], shared_folder: Path, worker_name: str, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """`portal serve` with its worker on a fresh copy of the named company, one per test file."""
    stage = stage_of(databases.SQLITE)
    build_world(stage)
    instance = world_instance(shared_folder / f"{worker_name}-{request.module.__name__}", stage.templates.database)
    server = LiveServer(instance, {f"HEARTH_{name.upper()}": value for name, value in COMPANY.items()})
    server.start()
    yield server
    assert server.stop() == 0, server.log.read_text(errors="replace")[-4000:]


@pytest.fixture
def open_page(chromium: "Browser", live_server: LiveServer) -> Iterator[Callable[..., "Page"]]:
    """Open pages in browsers of their own: ``open_page("/", who=world.mara, dark=True, viewport=PHONE, script=False)``.

    At the end of the test none of them may have complained in the console or talked to a foreign host.
    """
    contexts, watches = [], []

    def open_one(path: str = "/", *, who: Any = None, viewport: dict[str, int] | None = None, dark: bool = False, script: bool = True) -> "Page":
        context = chromium.new_context(
            base_url=live_server.address,
            viewport=viewport or DESKTOP,
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            reduced_motion="reduce",
            timezone_id="Europe/Berlin",
            locale="en-GB",
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        if who is not None:
            at_server = make_settings(live_server.instance, "", base_url=live_server.address, port=live_server.port)
            context.add_cookies(cookies_for(live_server, at_server, who))
        page = context.new_page()
        watch = Watch(live_server.address, (live_server.content,))
        watch.attach(page)
        watches.append(watch)
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    complaints = [complaint for watch in watches for complaint in watch.complaints]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def page(open_page: Callable[..., "Page"]) -> "Page":
    """One page in one browser, nobody signed in."""
    return open_page("/")
