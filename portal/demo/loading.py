"""Writes the demo company: organisation, catalogue, then a year of stories in bulk, with progress."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from portal.demo import telling
from portal.demo.history import bring_history
from portal.demo.organisation import Cast, make_organisation
from portal.demo.post import bring_post
from portal.demo.sharing import share_work_out
from portal.demo.tales import Stage, all_tales
from portal.demo.talk import talk
from portal.demo.views import keep_views
from portal.desk import figure_packing
from portal.desk.catalogue import sync_catalogue
from portal.desk.models import Alert, Breach, Clock, ClockEvent, Message, NamedFulfiller, Participant, PromiseVersion, Request, Service
from portal.kernel import activity, search_keeping
from portal.kernel.activity import Activity
from portal.kernel.db import db, is_sqlite
from portal.kernel.policy import SYSTEM
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications.models import Notice
from portal.people import calendars

ORDER: tuple[type, ...] = (Request, Message, Participant, ClockEvent, Clock, Alert, Breach, Activity)
NUMBERED: tuple[type, ...] = (Request, Message)
BATCH = 5000
LATELY = timedelta(hours=36)
Progress = Callable[[int], None]


def load(app: Flask, *, now: datetime, progress: Progress) -> None:
    """Fill an empty database with Marlow Cycles as of ``now``; ``progress`` hears the share done in per cent.

    One unit of work, and the requests of an earlier desk in theirs; search takes up after it what is more than it renews with one commit.
    """
    with app.app_context():
        with unit_of_work():
            _fill(now, progress)
        bring_history(now)
        search_keeping.tidy()
        progress(100)


def _fill(now: datetime, progress: Progress) -> None:
    cast = make_organisation(now)
    progress(10)
    sync_catalogue(actor=SYSTEM, now=now - timedelta(days=480))
    _name_for_confidential(cast)
    progress(15)
    _write(_play(cast, now, progress), progress)
    figure_packing.rebuild(now)
    figure_packing.count_heads(now)
    _tell_lately(now)
    share_work_out(now)
    keep_views(now)
    talk(now)
    bring_post(now)


def _name_for_confidential(cast: Cast) -> None:
    for service in db.session.scalars(sa.select(Service).where(Service.is_confidential == sa.true())):
        named = cast.fulfillers[service.department_id][:2]
        db.session.add_all(NamedFulfiller(service_id=service.id, person_id=cast.members[key].id) for key in named)
    db.session.flush()


def _play(cast: Cast, now: datetime, progress: Progress) -> dict[type, list[dict[str, Any]]]:
    services = {service.key: service for service in db.session.scalars(sa.select(Service))}
    versions = {own: calendars.department_version(own) for own in cast.departments.values()}
    stage = Stage(cast, services, {own: calendars.work_calendar(version) for own, version in versions.items()}, now)
    promises = {row.service_id: row for row in db.session.scalars(sa.select(PromiseVersion))}
    always = calendars.round_the_clock_version()
    rows: dict[type, list[dict[str, Any]]] = defaultdict(list)
    tales = all_tales(stage)
    for place, tale in enumerate(tales):
        own = tale.service.department_id
        row = promises[tale.service.id]
        promised, priority = telling.promise_of(tale, row.targets, row.id, (versions[own], stage.calendars[own]), (always, calendars.work_calendar(always)))
        played = telling.Player(tale, stage, promised, priority).play()
        rows[Request].append(played.request)
        for table, found in played.rows.items():
            rows[table].extend(found)
        if place % 100 == 0:
            progress(15 + 60 * place // len(tales))
    rows[Activity].sort(key=lambda row: row["at"])
    return rows


def _write(rows: dict[type, list[dict[str, Any]]], progress: Progress) -> None:
    for place, table in enumerate(ORDER, 1):
        for batch in _batches(rows[table]):
            db.session.execute(sa.insert(table), batch)
        progress(75 + 24 * place // len(ORDER))
    number_on(NUMBERED)


def number_on(tables: tuple[type, ...]) -> None:
    """Let PostgreSQL go on with the number after the highest that was written; SQLite does so by itself. Part of the caller's unit of work."""
    if not is_sqlite():
        for table in tables:
            name = str(table.__tablename__)  # type: ignore[attr-defined]  # both are tables
            highest = sa.select(sa.func.max(table.id)).scalar_subquery()  # type: ignore[attr-defined]  # both are Identified
            db.session.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(name, "id"), highest)))


def _tell_lately(now: datetime) -> None:
    """What happened in the last day and a half was told to people: their inboxes and the kept mail are as lively as the queues."""
    recent = sa.select(Activity).where(Activity.at > now - LATELY, Activity.subject_kind == "desk.request").order_by(Activity.at, Activity.id)
    for row in list(db.session.scalars(recent)):
        newest = db.session.scalar(sa.select(sa.func.max(Notice.id))) or 0
        for hook in activity.hooks_of(row.event):
            activity.react(activity_id=row.id, hook=hook)
        told = sa.update(Notice).where(Notice.id > newest)
        db.session.execute(told.values(created_at=row.at, is_read=row.at < now - timedelta(hours=20)), execution_options={"synchronize_session": False})


def _batches(rows: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
