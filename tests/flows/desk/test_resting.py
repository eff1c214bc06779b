"""Jonas lets a request rest: it leaves what next and his own list, comes back by itself, and Mara never hears of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm.attributes import set_committed_value

from portal.desk.actions.assigning import assign, claim
from portal.desk.actions.conversation import Reply, add_message, reply
from portal.desk.actions.deciding import cancel
from portal.desk.actions.moving import transfer
from portal.desk.actions.snoozing import snooze, wake, wake_due
from portal.desk.actions.sweeping import warn_due
from portal.desk.models import Clock, Request
from portal.desk.policy import Desk, find_request
from portal.desk.rules import ReplyKind
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.unit_of_work import run, unit_of_work
from tests.support.desk import DeskUser
from tests.support.story import STORY

pytestmark = pytest.mark.postgres
QUEUE = "/queue/facilities"
DAY = timedelta(days=1)
WHY = "The part comes on Thursday."


def rest(desk: DeskUser, key: str = "radiator", days: int = 2, **values: Any) -> Request:
    """Jonas lets it rest for two days, which is beyond its due time."""
    return desk.act(snooze, key, STORY + days * DAY, who="jonas", now=STORY, **({"reason": WHY} | values))


def waking(desk: DeskUser, key: str = "radiator") -> list[str]:
    """Why it woke, as the record has it."""
    found = sa.select(Activity.data).where(Activity.event == "desk.request.woken", Activity.subject_id == desk.find(key).id).order_by(Activity.id)
    return [data["why"] for data in db.session.scalars(found)]


def shown(page: Any) -> str:
    """The rows of a queue."""
    return str(page.source[page.source.find("<tbody") : page.source.find("</tbody>")])


def test_jonas_lets_it_rest_and_wakes_it(world: Any, sign_in: Any, app: Flask) -> None:
    """From the page of the request: the form says that the clock goes on, the page says until when, the tabs have moved it."""
    jonas, number = sign_in(world.jonas), world.requests["move"]
    form = jonas.get(f"/requests/{number}").follow("Let it rest until another day")
    assert "The clock goes on while it rests, and the requester sees nothing of this." in form
    again = form.submit("work/rest", until="own", own="2026-11-20T09:00")
    assert (again.status, "This moment has passed." in again) == (422, True)
    with app.app_context():
        clocks = [(row.name, row.due) for row in db.session.scalars(sa.select(Clock).where(Clock.request_id == number))]
    page = again.submit("work/rest", until="own", own="2026-11-25T08:00", reason="I see them tomorrow.")
    assert f"{number} rests until tomorrow 8:00. Its clock goes on." in page
    assert "Rests until tomorrow 8:00 . Jonas: I see them tomorrow." in page
    with app.app_context():
        assert clocks == [(row.name, row.due) for row in db.session.scalars(sa.select(Clock).where(Clock.request_id == number))]
    link = f'href="/requests/{number}"'
    for view in ("next", "mine"):
        assert link not in shown(jonas.get(f"{QUEUE}?view={view}")), view
    assert link in shown(jonas.get(f"{QUEUE}?view=snoozed"))
    assert "6 open" in jonas.get(QUEUE)
    woken = jonas.get(f"/requests/{number}").submit("work/wake")
    assert f"{number} is awake." in woken
    assert "Rests until" not in woken
    assert "Jonas woke it" in woken
    assert link in shown(jonas.get(QUEUE))


def test_the_presets_name_their_moment(world: Any, sign_in: Any) -> None:
    """One click is enough; the value that is sent is the moment somebody read."""
    jonas, number = sign_in(world.jonas), world.requests["chairs"]
    form = jonas.get(f"/requests/{number}/work/rest")
    for words in ("Tomorrow morning", "Monday morning", "In a week", "A day and time of your own"):
        assert words in form
    chosen = form.form("work/rest").values["until"]
    assert chosen == ["2026-11-25T07:00:00+00:00"]
    assert "rests until tomorrow 8:00" in form.submit("work/rest")


@pytest.mark.parametrize("until", ["yesterday", "2026-11-26", "2026-11-26T09:00", "", "9999-99-99T00:00+00:00"])
def test_what_is_no_moment_is_asked_for_again(world: Any, sign_in: Any, desk: DeskUser, until: str) -> None:
    """A forged preset rests nothing."""
    jonas, number = sign_in(world.jonas), world.requests["chairs"]
    form = jonas.get(f"/requests/{number}/work/rest").form("work/rest")
    answer = jonas.post(f"/requests/{number}/work/rest", {name: held for name, held in form.values.items() if name != "until"} | {"until": until})
    assert answer.status == 422
    assert desk.find(number).snoozed_until is None


def test_beyond_its_due_time_it_needs_a_reason(desk: DeskUser) -> None:
    """Refused without, kept in the record with one; a rest within the time needs none."""
    with pytest.raises(Refusal) as refused:
        rest(desk, reason=" ")
    assert refused.value.field == "reason"
    assert desk.find("radiator").snoozed_until is None
    rest(desk)
    last = db.session.scalars(sa.select(Activity).where(Activity.event == "desk.request.snoozed")).all()
    assert [(row.data["reason"], row.actor_id) for row in last] == [(WHY, desk.world.jonas.id)]
    due = desk.find("move").next_due_at
    assert due is not None
    desk.act(snooze, "move", due, who="jonas", now=STORY)
    with pytest.raises(Refusal):
        desk.act(snooze, "move", due + timedelta(minutes=1), who="jonas", now=STORY)
    with pytest.raises(Refusal):
        rest(desk, reason="x" * 301)


def test_a_rest_moves_no_clock_and_no_last_news(desk: DeskUser) -> None:
    """Neither what is due nor what the requester reads as the last change, and one row in the record."""
    before = desk.find("radiator")
    facts = (before.next_due_at, before.next_alert_at, before.updated_at, before.status, before.message_count)
    rest(desk)
    after = desk.find("radiator")
    assert (after.next_due_at, after.next_alert_at, after.updated_at, after.status, after.message_count) == facts
    assert desk.activities("radiator").count("desk.request.snoozed") == 1
    rest(desk)
    assert desk.activities("radiator").count("desk.request.snoozed") == 1
    rest(desk, days=3)
    assert desk.activities("radiator").count("desk.request.snoozed") == 2


def test_it_comes_back_at_its_time_once(desk: DeskUser) -> None:
    """Not a second before; the sweep after it finds nothing, and a new rest is not ended by the old time."""
    desk.act(snooze, "chairs", STORY + DAY, who="jonas", now=STORY)

    def sweep(now: Any) -> int:
        db.session.remove()
        with unit_of_work():
            return wake_due(now=now)

    assert sweep(STORY + DAY - timedelta(seconds=1)) == 0
    assert sweep(STORY + DAY) == 1
    assert desk.find("chairs").snoozed_until is None
    assert sweep(STORY + DAY) == 0
    assert waking(desk, "chairs") == ["time"]


def test_the_periodic_sweep_wakes_it(desk: DeskUser, run_jobs: Callable[..., int], clock: Any) -> None:
    """The worker's own round does it."""
    desk.act(snooze, "chairs", STORY + timedelta(minutes=30), who="jonas", now=STORY)
    db.session.remove()
    clock.set(STORY + timedelta(minutes=31))
    run_jobs(periodic=True)
    assert waking(desk, "chairs") == ["time"]


def _writes(desk: DeskUser) -> None:
    desk.act(add_message, "radiator", who="mara", now=STORY, body="It is colder still.")


def _claims(desk: DeskUser) -> None:
    desk.act(claim, "radiator", who="kim", now=STORY)


def _gives(desk: DeskUser) -> None:
    desk.act(assign, "radiator", desk.world.ola.id, who="kim", now=STORY)


def _warns(desk: DeskUser) -> None:
    db.session.remove()
    with unit_of_work():
        warn_due(now=STORY + 30 * DAY)


def _hands_over(desk: DeskUser) -> None:
    desk.act(transfer, "radiator", who="jonas", now=STORY, service_id=desk.world.services["it-broken"], reason="It is theirs.")


def _solves(desk: DeskUser) -> None:
    desk.act(reply, "radiator", Reply("Done.", kind=ReplyKind.FIX), who="jonas", now=STORY)


def _cancels(desk: DeskUser) -> None:
    desk.act(cancel, "radiator", who="mara", now=STORY)


@pytest.mark.parametrize(
    ("happens", "why"),
    [(_writes, "written"), (_claims, "assigned"), (_gives, "assigned"), (_warns, "due"), (_hands_over, "moved"), (_solves, "over"), (_cancels, "over")],
    ids=["the requester writes", "somebody takes it", "somebody gives it away", "its time runs out", "it is handed over", "it is solved", "it is cancelled"],
)
def test_news_wake_it_at_once(desk: DeskUser, happens: Callable[[DeskUser], None], why: str) -> None:
    """In the same transaction as the news, and once."""
    rest(desk, days=40)
    happens(desk)
    assert desk.find("radiator").snoozed_until is None
    assert waking(desk) == [why]


def test_a_reply_or_a_note_of_the_team_wakes_nothing(desk: DeskUser) -> None:
    """They know already."""
    rest(desk)
    desk.act(reply, "radiator", Reply("We wait for the part.", "Valve arrives", STORY + 4 * DAY), who="kim", now=STORY)
    assert desk.find("radiator").snoozed_until == STORY + 2 * DAY
    assert waking(desk) == []


def test_what_is_over_does_not_rest_and_what_is_awake_is_not_woken(desk: DeskUser) -> None:
    """Both say so, and nothing is noted."""
    with pytest.raises(Conflict):
        rest(desk, "key")
    with pytest.raises(Conflict):
        desk.act(wake, "radiator", who="jonas", now=STORY)
    assert waking(desk) == []


def test_a_page_from_before_somebody_changed_it_rests_nothing(desk: DeskUser) -> None:
    """The version decides: Kim took it between the look and the click."""
    stale = find_request(desk.actor("jonas"), desk.world.requests["radiator"], to=Desk.WORK)
    version, number = stale.version, stale.id
    desk.act(claim, "radiator", who="kim", now=STORY)
    db.session.remove()

    def late() -> None:
        row = db.session.get_one(Request, number)
        set_committed_value(row, "version", version)
        snooze(row, STORY + 2 * DAY, reason=WHY, actor=desk.actor("jonas"), now=STORY)

    with pytest.raises(Conflict):
        run(late)
    db.session.remove()
    assert desk.find("radiator").snoozed_until is None


@pytest.mark.parametrize(("who", "status"), [("mara", 403), ("ruth", 404), ("camille", 403)])
def test_only_those_who_work_on_it_let_it_rest(world: Any, sign_in: Any, desk: DeskUser, who: str, status: int) -> None:
    """Its requester, another department and the requester's lead do not; of a confidential one only those named."""
    number, visitor = world.requests["radiator"], sign_in(world.people[who])
    assert visitor.get(f"/requests/{number}/work/rest").status == status
    token = next(form.values["csrf_token"] for form in visitor.get("/requests").forms if "csrf_token" in form.values)
    for way in ("rest", "wake"):
        assert visitor.post(f"/requests/{number}/work/{way}", {"csrf_token": token, "until": "2026-11-26T09:00+00:00"}).status == status
    assert desk.find("radiator").snoozed_until is None
    assert sign_in(world.jonas).get(f"/requests/{world.requests['badge']}/work/rest").status == 404


def test_its_requester_sees_nothing_of_it(world: Any, sign_in: Any, desk: DeskUser, run_jobs: Callable[..., int]) -> None:
    """Neither on the page, nor in the list, nor in the inbox, nor in the file."""
    mara, number = sign_in(world.mara), world.requests["radiator"]
    pages = (f"/requests/{number}", "/requests", "/notifications", "/requests.csv", "/")
    before = [mara.get(path).text for path in pages]
    rest(desk)
    run_jobs()
    assert [mara.get(path).text for path in pages] == before
    desk.act(wake, "radiator", who="jonas", now=STORY)
    run_jobs()
    assert [mara.get(path).text for path in pages] == before


def test_the_way_through_the_queue_leaves_out_what_rests(world: Any, sign_in: Any, desk: DeskUser) -> None:
    """Next and previous on the page of a request follow what next."""
    jonas = sign_in(world.jonas)
    first = jonas.get(f"/requests/{world.requests['cold']}")
    assert f'href="/requests/{world.requests["for-mara"]}"' in first.source
    desk.act(snooze, "for-mara", STORY + DAY, reason=WHY, who="jonas", now=STORY)
    again = jonas.get(f"/requests/{world.requests['cold']}")
    assert f'href="/requests/{world.requests["for-mara"]}" title="Next' not in " ".join(again.source.split())


def test_several_rest_at_once_and_the_one_that_is_due_is_named(world: Any, sign_in: Any, desk: DeskUser) -> None:
    """Without a reason only those with time enough; the others are named, and nothing of them is changed."""
    jonas = sign_in(world.jonas)
    page = jonas.get(QUEUE)
    form = page.visitor.submit(page, page.form("/bulk"), button="rest", id=[str(world.requests[key]) for key in ("radiator", "chairs")])
    assert form.heading == "Let 2 requests rest"
    bad = form.submit("/bulk/rest", until="own", own="")
    assert (bad.status, "Until when?" in bad) == (422, True)
    after = bad.submit("/bulk/rest", until="own", own="2026-11-26T09:00")
    assert "One request rests." in after
    assert "One was skipped." in after
    assert f"{world.requests['radiator']} " in after
    assert "It is due before that." in after
    assert desk.find("chairs").snoozed_until is not None
    assert desk.find("radiator").snoozed_until is None
