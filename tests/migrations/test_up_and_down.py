"""Migrations go up, down, and up again with data in the tables, on both databases, and say what the models say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from portal.app import create_app
from portal.kernel.db import db
from tests.support.databases import Database
from tests.support.migrating import config, downgrade, drift, upgrade
from tests.support.stages import close, make_database, make_settings
from tests.support.story import STORY

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def portal(database_kind: str, shared_folder: Path, worker_name: str, tmp_path: Path) -> Iterator[Flask]:
    """A portal on a database without a single table."""
    database: Database = make_database(database_kind, shared_folder, f"{worker_name}_migrations", tmp_path)
    database.empty()
    app = create_app(make_settings(tmp_path, database.url))
    with app.app_context():
        yield app
    close(app)


def counts() -> dict[str, int]:
    """Rows per table, without Alembic's own and the jobs, of which a migration may ask for one."""
    with db.engine.connect() as connection:
        names = [
            name for name in sa.inspect(connection).get_table_names() if name not in ("alembic_version", "jobs") and not name.startswith(("search_", "sqlite_"))
        ]
        return {name: connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one() for name in names}


def tables() -> set[str]:
    """Names of the tables there are, without Alembic's own."""
    return set(sa.inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_every_migration_has_a_way_back(portal: Flask) -> None:
    """Up to the newest version, down to nothing, and up again leaves what the models describe."""
    upgrade()
    there = tables()
    downgrade()
    assert tables() == set()
    upgrade()
    assert tables() == there
    assert drift() == []


def test_the_way_down_works_with_people_and_requests_in_the_tables(portal: Flask) -> None:
    """A company with a year behind it goes down without a foreign key in the way."""
    upgrade()
    fill()
    assert sum(counts().values()) > 50
    downgrade()
    assert tables() == set()


def test_the_last_migration_keeps_the_rows_that_are_there(portal: Flask) -> None:
    """One step back and forth on a filled database loses no row of a table that exists on both sides."""
    upgrade()
    fill()
    before: dict[str, Any] = counts()
    downgrade("-1")
    left = tables()
    upgrade()
    after = counts()
    assert {name: after[name] for name in before if name in left} == {name: before[name] for name in before if name in left}


def test_the_index_knows_requests_from_before_it_was_there(portal: Flask) -> None:
    """Requests that were written under the first version are found after the upgrade, by those who may read them."""
    from portal.desk.models import Request
    from portal.desk.queries.search import Wanted, find
    from portal.kernel import search_keeping
    from portal.people.actors import actor_of

    upgrade()
    fill()
    downgrade("0001")
    upgrade()
    with time_machine.travel(STORY, tick=False):
        requester, number = db.session.execute(sa.select(Request.requester_id, Request.id).where(Request.title.like("Radiator in Studio 2%"))).one()
        actor = actor_of(requester, now=STORY)
        assert actor is not None
        assert [hit.row.id for hit in find(actor, Wanted("radiator window")).hits] == [number]
        assert search_keeping.astray("search_requests", list(db.session.scalars(sa.select(Request.id)))) == []
        db.session.remove()


def test_figures_count_what_was_solved_before_they_were_there(portal: Flask) -> None:
    """The job that the upgrade asks for counts every clock that stopped under the version before, and every event."""
    from portal.desk import figure_keeping, figure_packing
    from portal.kernel import jobs
    from portal.kernel.unit_of_work import unit_of_work

    upgrade()
    fill()
    with unit_of_work():
        while figure_packing.settle():
            pass
    before = by_day(figure_keeping.kept())
    assert before
    assert figure_packing.uncounted(200) == []
    db.session.remove()
    downgrade("0004")
    upgrade()
    assert figure_keeping.kept() == {}
    db.session.remove()
    asked = db.session.scalar(sa.select(jobs.Job.run_at).where(jobs.Job.name == "desk.rebuild_figures"))
    db.session.remove()
    with time_machine.travel(asked, tick=False):
        jobs.run_due(portal, 50)
    assert by_day(figure_keeping.kept()) == before
    assert figure_packing.uncounted(200) == []


def by_day(counts: Any) -> dict[Any, int]:
    """Counts without what a request was when it came in: the version before did not keep that of events, so it is what it is now."""
    found: dict[Any, int] = {}
    for key, n in counts.items():
        place = key.place
        what = (place.day, place.department_id, key.measure, key.bucket)
        known = what if key.measure in ("opened", "resolved", "reopened", "cancelled", "unpromised") else (*what, place)
        found[known] = found.get(known, 0) + n
    return found


def test_mail_from_before_knows_what_it_is_about(portal: Flask) -> None:
    """Its id says so; a mail about nothing stays about nothing, and on the way down nothing of a mail is lost."""
    from portal.kernel import mail
    from portal.kernel.unit_of_work import unit_of_work

    upgrade()
    with unit_of_work():
        for place in range(3):
            about = f"<told.5.desk-request.4127.{place}@marlow.example>" if place else "<0123456789abcdef@marlow.example>"
            mail.queue(to="mara@marlow.example", subject=f"Mail {place}", text="x", now=STORY, message_id=about)
    downgrade("0005")
    upgrade()
    found = db.session.execute(sa.select(mail.Mail.subject, mail.Mail.subject_kind, mail.Mail.subject_id, mail.Mail.voice).order_by(mail.Mail.id))
    assert [tuple(row) for row in found] == [
        ("Mail 0", None, None, mail.Voice.PORTAL),
        ("Mail 1", "desk.request", 4127, mail.Voice.PORTAL),
        ("Mail 2", "desk.request", 4127, mail.Voice.PORTAL),
    ]


def test_a_typed_note_becomes_a_draft_of_its_own_and_back(portal: Flask) -> None:
    """More drafts than one batch; on the way down a note goes back into the one box, unless a reply stands in it."""
    from portal.desk.models import Draft
    from portal.kernel.unit_of_work import unit_of_work

    upgrade()
    fill()
    downgrade("0007")
    kinds = {"person_id": sa.Integer, "form": sa.String, "fields": sa.JSON, "saved_at": Draft.saved_at.type}
    table = sa.table("drafts", *(sa.column(name, kind) for name, kind in kinds.items()))
    old = [{"form": f"work.{number}", "fields": {"what": ["note" if number % 2 else "reply"], "body": [f"Words {number}"]}} for number in range(1, 1202)]
    with unit_of_work():
        db.session.execute(sa.insert(table), [{"person_id": 1, "saved_at": STORY, **one} for one in old])
    upgrade()
    found = {row.form: (row.fields, row.revision) for row in db.session.execute(sa.select(Draft.form, Draft.fields, Draft.revision))}
    assert len(found) == 1201
    assert found["note.7"] == ({"note": ["Words 7"]}, 1)
    assert found["work.8"] == ({"what": ["reply"], "body": ["Words 8"]}, 1)
    with unit_of_work():
        db.session.add(Draft(person_id=1, form="work.7", fields={"body": ["A reply"]}, saved_at=STORY))
    downgrade("0007")
    kept = {row.form: row.fields for row in db.session.execute(sa.select(table.c.form, table.c.fields))}
    assert kept["work.7"] == {"body": ["A reply"]}
    assert kept["note.7"] == {"note": ["Words 7"]}
    assert kept["work.9"] == {"what": ["note"], "body": ["Words 9"]}
    db.session.remove()


def test_there_is_one_line_of_migrations() -> None:
    """Two heads would leave an upgrade to chance."""
    from alembic.script import ScriptDirectory

    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


def fill() -> None:
    """Put the named company and its requests into the tables."""
    from tests.support.world import build

    with time_machine.travel(STORY, tick=False):
        build()
    db.session.remove()
