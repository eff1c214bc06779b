"""Several requests of a queue at once: solved with one text, ended with one reason, judged anew; each by itself."""

import hashlib
import re

import pytest
import sqlalchemy as sa

from portal.desk.actions.deciding import cancel
from portal.desk.actions.filing import Filing, file_request
from portal.desk.models import ClockEvent, Message, Request
from portal.desk.rules import Priority, Status
from portal.kernel.clock import now as right_now
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work

QUEUE = "/queue/facilities"
ALL = ("radiator", "for-mara", "heating")


@pytest.fixture
def numbers(world):
    """The numbers of the requests of the story, as text."""
    return {key: str(number) for key, number in world.requests.items()}


def row_of(app, number) -> Request:
    """The row as it is in the database."""
    with app.app_context():
        return db.session.get_one(Request, int(number))


def said_in(app, number, words) -> int:
    """How many messages of a request say these words."""
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(Message).where(Message.request_id == int(number), Message.body == words))


def tick(page, way, *ids):
    """Tick some rows and press a button of the bar below."""
    return page.visitor.submit(page, page.form("/bulk"), button=way, id=list(ids))


def ended_meanwhile(world, app, number) -> None:
    """Camille no longer needs it."""
    with app.app_context(), unit_of_work():
        cancel(db.session.get_one(Request, int(number)), actor=world.actor("camille"), now=right_now())


def test_two_are_solved_with_one_text_and_the_one_that_is_over_is_named(world, sign_in, numbers, app) -> None:
    """Each requester reads it and is asked whether it worked; nothing is left of the one that was refused."""
    page = tick(sign_in(world.jonas).get(QUEUE), "fix", *(numbers[key] for key in ALL))
    assert page.heading == "Resolve 3 requests"
    again = page.submit("/bulk/fix", body=" ")
    assert (again.status, "Say what solved it." in again) == (422, True)
    ended_meanwhile(world, app, numbers["for-mara"])
    after = again.submit("/bulk/fix", body="The boiler runs again.")
    assert "2 requests are resolved." in after
    assert "One was skipped." in after
    assert f"{numbers['for-mara']} Shelf in the photo store: This is no longer needed. There is nothing left to resolve." in after
    for key in ("radiator", "heating"):
        row = row_of(app, numbers[key])
        assert (row.status, row.awaits_answer, said_in(app, numbers[key], "The boiler runs again.")) == (Status.RESOLVED, True, 1)
    assert row_of(app, numbers["for-mara"]).status == Status.CANCELLED
    assert said_in(app, numbers["for-mara"], "The boiler runs again.") == 0


def test_a_refusal_in_the_middle_of_one_undoes_only_that_one(world, sign_in, numbers, app) -> None:
    """The turn that the refused one had taken is given back, so its version stands as before."""
    page = tick(sign_in(world.jonas).get(QUEUE), "priority", *(numbers[key] for key in ALL))
    before = {key: (row_of(app, numbers[key]).priority, row_of(app, numbers[key]).version) for key in ALL}
    after = page.submit("/bulk/priority", priority="low")
    assert after.status == 200
    for key in ALL:
        row = row_of(app, numbers[key])
        assert (row.priority, row.version) == before[key], key
        assert f"{numbers[key]} " in after
    assert "3 were skipped." in after
    assert "Say why in a few words" in after


def test_three_are_judged_anew_and_what_is_so_already_is_named(world, sign_in, numbers, app) -> None:
    """With a reason also downwards; a second time there is nothing to do."""
    jonas = sign_in(world.jonas)
    page = tick(jonas.get(QUEUE), "priority", *(numbers[key] for key in ALL))
    assert page.heading == "Judge 3 requests anew"
    assert "3 requests are judged anew." in page.submit("/bulk/priority", priority="high", reason="The inspection is on Friday.")
    assert {row_of(app, numbers[key]).priority for key in ALL} == {Priority.HIGH}
    second = tick(jonas.get(QUEUE), "priority", numbers["radiator"]).submit("/bulk/priority", priority="high")
    assert "One was skipped." in second
    assert "It is judged like this already." in second
    strange = tick(jonas.get(QUEUE), "priority", numbers["radiator"]).submit("/bulk/priority", priority="whatever")
    assert strange.status == 422


def test_two_are_no_longer_needed_and_their_requesters_know_why(world, sign_in, numbers, app, run_jobs) -> None:
    """Without a reason it is asked for; with one both are over, by whoever answers, and each requester reads it."""
    page = tick(sign_in(world.jonas).get(QUEUE), "end", numbers["radiator"], numbers["heating"])
    assert page.heading == "2 requests are no longer needed"
    again = page.submit("/bulk/end", reason="")
    assert (again.status, "Say why in a few words" in again) == (422, True)
    assert row_of(app, numbers["radiator"]).is_open
    after = again.submit("/bulk/end", reason="The whole floor is rebuilt next week.")
    assert "2 requests are ended, their requesters know why." in after
    row = row_of(app, numbers["radiator"])
    assert (row.status, row.is_open) == (Status.CANCELLED, False)
    with app.app_context():
        by = db.session.scalars(sa.select(ClockEvent.by).where(ClockEvent.request_id == row.id, ClockEvent.kind == "cancelled")).all()
    assert by == ["fulfiller"]
    run_jobs()
    requester = next(who for who in world.people.values() if who.id == row.requester_id)
    visitor = sign_in(requester)
    assert f"Jonas ended \u201c{row.title}\u201d: it is no longer needed." in visitor.get("/notifications")
    assert "No longer needed: The whole floor is rebuilt next week" in visitor.get(f"/requests/{row.id}")


@pytest.mark.parametrize(("way", "said"), [("fix", {"body": "Done."}), ("end", {"reason": "Gone."}), ("priority", {"priority": "urgent"})])
def test_a_lead_ends_nothing_confidential(world, sign_in, numbers, app, way, said) -> None:
    """Its words are not shown, it is skipped, and the other is done."""
    page = tick(sign_in(world.priya).get(QUEUE), way, numbers["badge"], numbers["radiator"])
    before = row_of(app, numbers["badge"])
    after = page.submit(f"/bulk/{way}", **said)
    assert "It is confidential, so only those named for it do this." in after
    now = row_of(app, numbers["badge"])
    assert (now.status, now.priority, now.version) == (before.status, before.priority, before.version)
    assert row_of(app, numbers["radiator"]).version > 1


def test_many_that_were_skipped_do_not_break_the_session(world, sign_in, app) -> None:
    """Their names wait in a cookie, and a browser drops one of more than 4096 bytes, with everything else in it."""
    with app.app_context(), unit_of_work():
        numbers = []
        for place in range(40):
            title = hashlib.sha512(str(place).encode()).hexdigest()[:110]
            filing = Filing(world.services["repair"], title, "It does.", world.nils.id)
            numbers.append(file_request(filing, actor=world.actor("nils"), now=right_now()).id)
    jonas = sign_in(world.jonas)
    for _time in range(2):
        token = jonas.get(QUEUE).form("/bulk").values["csrf_token"]
        said = {"priority": "high", "reason": "So it is.", "csrf_token": token, "id": [str(number) for number in numbers]}
        answer = jonas.client.post(f"{QUEUE}/bulk/priority", data=said, base_url=jonas.base)
    assert answer.status_code == 303
    assert max(len(cookie) for cookie in answer.headers.getlist("Set-Cookie")) < 4000
    page = jonas.get(QUEUE)
    assert "40 were skipped." in page
    assert re.search(r"And \d+ more\.", page.source)


@pytest.mark.parametrize("way", ["fix", "end", "priority"])
def test_who_does_not_serve_ends_nothing(world, sign_in, numbers, app, way) -> None:
    """Neither a requester nor another department, nor of a request that is not in this queue."""
    said = {"body": "Done.", "reason": "Gone.", "priority": "urgent", "id": [numbers["radiator"]]}
    for who in ("mara", "ruth"):
        visitor = sign_in(world.people[who])
        token = next(form.values["csrf_token"] for form in visitor.get("/requests").forms if "csrf_token" in form.values)
        assert visitor.post(f"{QUEUE}/bulk/{way}", {**said, "csrf_token": token}).status == 403
    jonas = sign_in(world.jonas)
    token = jonas.get(QUEUE).form("/bulk").values["csrf_token"]
    jonas.post(f"{QUEUE}/bulk/{way}", {**said, "csrf_token": token, "id": [numbers["laptop"]]})
    for key in ("radiator", "laptop"):
        assert row_of(app, numbers[key]).is_open, key
