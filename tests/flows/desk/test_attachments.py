"""Files of a conversation: whoever reads the request opens them, from the content host, as a download."""

from io import BytesIO

import pytest
import sqlalchemy as sa

from portal.desk.actions.conversation import add_note
from portal.desk.models import Attachment, Request
from portal.kernel import clock, files
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work


@pytest.fixture
def address(world, sign_in) -> str:
    """Where Mara's picture of the valve can be had."""
    page = sign_in(world.mara).get(f"/requests/{world.requests['radiator']}")
    return page.submit("body", body="The valve.", photo=(BytesIO(b"a valve in words"), "valve.txt")).link("valve.txt").href


def test_readers_are_led_to_the_content_host(address: str, world, sign_in) -> None:
    """The portal itself never serves what people upload."""
    for who in ("mara", "jonas", "camille", "vera"):
        answer = sign_in(world.people[who]).get(address, follow_redirects=False)
        assert answer.status == 303, who
        assert answer.headers["Location"].startswith("http://localhost:8001/f/")


def test_strangers_do_not_learn_that_there_is_one(address: str, world, sign_in, visitor) -> None:
    """404 for Leo, the sign-in for nobody."""
    assert sign_in(world.leo).get(address).status == 404
    assert visitor.get(address).path == "/sign-in"


def test_the_number_of_another_requests_file_opens_nothing(address: str, world, sign_in) -> None:
    """The file must belong to the request in the address."""
    number = address.rsplit("/", 1)[1]
    mara = sign_in(world.mara)
    assert mara.get(f"/requests/{world.requests['bulbs']}/attachments/{number}").status == 404
    assert mara.get(f"/requests/{world.requests['radiator']}/attachments/{10**30}").status == 404


def test_files_of_team_notes_stay_with_the_team(world, sign_in, app) -> None:
    """Jonas opens his own, Mara does not know of it."""
    number = world.requests["radiator"]
    with app.test_request_context():
        plan = files.receive(BytesIO(b"where the pipes run"), name="plan.txt")
        with unit_of_work():
            note = add_note(db.session.get_one(Request, number), body="Seen.", files=[plan], actor=world.actor("jonas"), now=clock.now())
            found = db.session.scalar(sa.select(Attachment.id).where(Attachment.message_id == note.id))
    assert sign_in(world.jonas).get(f"/requests/{number}/attachments/{found}", follow_redirects=False).status == 303
    assert sign_in(world.mara).get(f"/requests/{number}/attachments/{found}").status == 404


def test_signs_in_names_do_no_harm(world, sign_in) -> None:
    """A name is a label: no path, no markup, no turning of direction."""
    page = sign_in(world.mara).get(f"/requests/{world.requests['radiator']}")
    after = page.submit("body", body="Look.", photo=(BytesIO(b"words"), "../../<img src=x>\u202etxt.txt"))
    assert "<img src=x>" not in after.source
    assert "\u202e" not in after.source
