"""Naming a colleague in a team note: who is told, who cannot be named, and whose name the note shows a year later."""

import pytest
import sqlalchemy as sa

from portal.desk.actions.moving import transfer
from portal.desk.models import Mention, Message, Request
from portal.kernel.activity import Activity
from portal.kernel.clock import now as right_now
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications.models import Notice
from portal.people.models import Person


@pytest.fixture
def note(world, sign_in):
    """Somebody keeps a note about a request; the page after it."""

    def keep(text, who="jonas", key="radiator", **values):
        page = sign_in(world.people[who]).get(f"/requests/{world.requests[key]}")
        return page.submit("work/reply", what="note", note=text, **values)

    return keep


@pytest.fixture
def told(app, world, run_jobs):
    """Who was told that a note names them, after the jobs have run."""

    def look():
        run_jobs()
        names = {who.id: key for key, who in world.people.items()}
        with app.app_context():
            rows = db.session.execute(sa.select(Notice.person_id, Notice.why).where(Notice.kind == "desk.named").order_by(Notice.id)).all()
        return [(names[person], why) for person, why in rows]

    return look


def mentions(app):
    """(person, words) of everything that is kept."""
    with app.app_context():
        return [tuple(row) for row in db.session.execute(sa.select(Mention.person_id, Mention.written).order_by(Mention.person_id))]


def test_kim_is_named_and_told_once(app, world, note, told, outbox) -> None:
    """A link with her name on the page, one mail with the words, one row in the record; Mara hears nothing."""
    before = rows_of(app)
    page = note("@Kim Moreau do you have the key? @kim.moreau?")
    assert "The note is kept." in page
    assert page.link("@Kim Moreau").href == f"/people/{world.kim.staff_number}"
    assert told() == [("kim", "named")]
    mail = outbox()[-1]
    assert mail.to == world.kim.email
    assert "Jonas named you in a note about “Radiator in Studio 2 stays cold”." in mail.text
    assert "do you have the key?" in mail.text
    assert rows_of(app) == before + 1
    assert told() == [("kim", "named")]


def rows_of(app) -> int:
    """Rows of the record."""
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(Activity)) or 0


def test_without_script_a_name_is_chosen_beside_the_note(app, world, note, told) -> None:
    """It stands at the end of the note; who is named in it already is not named twice."""
    page = note("The key is gone.", named="@Ola Brandvold")
    assert "@Ola Brandvold" in page
    assert told() == [("ola", "named")]
    assert note("@Ola Brandvold, it is back.", named="@Ola Brandvold").status == 200
    with app.app_context():
        assert db.session.scalars(sa.select(Message.body).order_by(Message.id.desc()).limit(2)).all() == [
            "@Ola Brandvold, it is back.",
            "The key is gone.\n\n@Ola Brandvold",
        ]


def test_the_list_holds_who_reads_the_note(world, sign_in) -> None:
    """Facilities and its lead; not Mara, not the auditor. Of a confidential request only those named for it."""
    choices = sign_in(world.jonas).get(f"/requests/{world.requests['radiator']}").form("work/reply").choices["named"]
    assert {"@Jonas Lindqvist", "@Kim Moreau", "@Ola Brandvold", "@Priya Raman"} <= set(choices)
    assert not {f"@{world.mara.name}", f"@{world.vera.name}", f"@{world.nils.name}"} & set(choices)
    assert sign_in(world.kim).get(f"/requests/{world.requests['badge']}").form("work/reply").choices["named"] == ["", "@Kim Moreau"]


@pytest.mark.parametrize(
    ("who", "key", "text", "sentence"),
    [
        ("jonas", "radiator", "Ask @Kimm Moreau", "We found nobody called @Kimm."),
        ("jonas", "radiator", "Ask @Nils Brandt", "Nils Brandt does not answer requests of Facilities and cannot read this note."),
        ("jonas", "radiator", "@mara.okafor will hate this", "does not answer requests of Facilities and cannot read this note."),
        ("kim", "badge", "@Jonas Lindqvist can help", "Jonas Lindqvist does not answer requests of Facilities and cannot read this note."),
    ],
)
def test_who_cannot_read_a_note_cannot_be_named(app, note, told, who, key, text, sentence) -> None:
    """It is said in words, the note stands in its box, nobody is told and nobody is added: not even a follower, not even a confidential one."""
    page = note(text, who=who, key=key)
    assert page.status == 422
    assert sentence in page
    assert page.form("work/reply").values["note"] == [text]
    assert mentions(app) == []
    assert told() == []


def test_a_confidential_note_tells_no_words(world, note, told, outbox, app) -> None:
    """Kim and Ola are named for keys: Ola hears that there is a note, and reads it on the page alone."""
    with app.app_context(), unit_of_work():
        from portal.desk.models import NamedFulfiller

        service = db.session.get_one(Request, world.requests["badge"]).service_id
        db.session.add(NamedFulfiller(service_id=service, person_id=world.ola.id))
    note("@Ola Brandvold the lost card was his.", who="kim", key="badge")
    assert told() == [("ola", "named")]
    mail = outbox()[-1]
    assert "lost card" not in mail.text + str(mail.html)
    assert f"/requests/{world.requests['badge']}" in mail.text


def test_the_name_of_today_is_shown(app, world, note, sign_in) -> None:
    """Kim marries and leaves: the note says the new name, and in the end links to nobody. Code and addresses stay as they are."""
    note("@Kim Moreau, see `@Kim Moreau` and https://kim.example/@Kim")
    address = f"/requests/{world.requests['radiator']}"
    with app.app_context(), unit_of_work():
        db.session.get_one(Person, world.kim.id).name = "Kim <b>Larsen</b>"
    page = sign_in(world.jonas).get(address)
    assert '<a class="named" href="/people/' in page.source
    assert "@Kim &lt;b&gt;Larsen&lt;/b&gt;</a>" in page.source
    assert "<code>@Kim Moreau</code>" in page.source
    assert 'href="https://kim.example/@Kim"' in page.source
    with app.app_context(), unit_of_work():
        db.session.get_one(Person, world.kim.id).is_active = False
    assert '<span class="named">@Kim &lt;b&gt;' in sign_in(world.jonas).get(address).source


def test_who_does_not_read_it_any_more_is_not_told(app, world, note, told) -> None:
    """The request went to IT before the notice was made; one's own name tells nobody."""
    note("@Kim Moreau and @Jonas Lindqvist")
    with app.app_context(), unit_of_work():
        row = db.session.get_one(Request, world.requests["radiator"])
        transfer(row, service_id=world.services["it-broken"], reason="It is the thermostat", actor=world.actor("jonas"), now=right_now())
    assert told() == []


def test_everybody_can_choose_what_is_told_about_the_end(world, sign_in) -> None:
    """Mara follows requests that end, so "no longer needed" is hers to choose; names in notes are for those who read notes."""
    mara, kim = (sign_in(who).get("/notifications/preferences") for who in (world.mara, world.kim))
    assert "No longer needed" in mara
    assert "Your name in a team note" not in mara
    assert "Your name in a team note" in kim
