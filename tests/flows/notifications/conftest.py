"""A thing and two kinds of notice that belong to no feature, and a way to tell people about it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from portal.kernel import clock as kernel_clock
from portal.kernel import jobs
from portal.kernel.messages import say
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications import actions, kinds

RADIATOR = ("story.thing", 4127)
Tell = Callable[..., int]


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    """Two kinds of the story's own."""
    kinds.register("story.answered", say("Answers"), say("Somebody answered."), mail="now")
    kinds.register("story.late", say("Warnings"), say("Time is nearly up."), mail="now")
    yield
    for key in ("story.answered", "story.late"):
        kinds._kinds.pop(key)
    kinds._visible.pop("story.thing", None)


@pytest.fixture
def tell(app: Flask) -> Tell:
    """Tell people about the radiator in a unit of work of its own."""

    def told(people: list[Any], key: str = "message-1", **changes: Any) -> int:
        now = kernel_clock.now()
        words: dict[str, Any] = {
            "kind": "story.answered",
            "subject": RADIATOR,
            "key": key,
            "text": say("%(name)s answered: heater by %(due)s.", name="Jonas", due=now + timedelta(hours=3)),
            "why": "asked",
            "path": "/story/4127",
            "topic": "4127 Radiator in Studio 2 stays cold",
            "excerpt": "I am bringing you an oil heater.\nUntil then stay close to the window.",
            "facts": [(say("Repaired by"), now + timedelta(days=2, hours=2))],
        }
        with app.app_context(), unit_of_work():
            return actions.tell([person.id for person in people], now=now, **(words | changes))

    return told


@pytest.fixture
def news(outbox: Any) -> Callable[..., list[Any]]:
    """Mail about the story's things, the oldest first; what else the company writes is not ours."""
    return lambda to=None: [mail for mail in outbox(to) if "/story/" in mail.text]


@pytest.fixture
def hour_passes(app: Flask, clock: Any, run_jobs: Any) -> Callable[[int], None]:
    """Let hours pass; at the end of each the digests are swept."""

    def pass_by(hours: int) -> None:
        for _ in range(hours):
            clock.advance(hours=1)
            with app.app_context(), unit_of_work():
                jobs.enqueue("notifications.digests", unique="periodic")
            run_jobs()

    return pass_by
