"""Sixteen workers at once: told once, written once."""

from typing import Any

import pytest
from flask import Flask

from portal.kernel import clock as kernel_clock
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications import delivery
from tests.flows.notifications.conftest import RADIATOR, Tell
from tests.support.racing import at_once

WAYS = 16


@pytest.mark.postgres
def test_sixteen_workers_tell_once(world: Any, tell: Tell, run_jobs: Any, news: Any) -> None:
    """The unique key lets one of them through, and one mail goes out."""
    assert sorted(at_once(WAYS, lambda _: tell([world.mara]))) == [0] * (WAYS - 1) + [1]
    run_jobs()
    assert len(news()) == 1


@pytest.mark.postgres
def test_sixteen_deliveries_write_one_mail(app: Flask, world: Any, tell: Tell, news: Any) -> None:
    """However often a job is run, the notices are taken once."""
    tell([world.mara])
    now = kernel_clock.now()

    def deliver(_number: int) -> None:
        with app.app_context():
            with unit_of_work():
                delivery.bring(world.mara.id, RADIATOR, now)
            db.session.remove()

    at_once(WAYS, deliver)
    assert len(news()) == 1
