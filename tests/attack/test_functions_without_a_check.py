"""Somebody weak called the function directly, and it did not ask who they are; or it remembered rights they had yesterday.

Published case classes: missing check on a function (Discourse CVE-2024-36113, HumHub CVE-2026-47657, GLPI CVE-2025-25192, Zammad
CVE-2026-34723, FreeScout CVE-2026-35584) and stale rights (Discourse CVE-2025-49845, Zulip CVE-2023-32678, HumHub 6753).
"""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.models import NamedFulfiller, Participant
from portal.kernel import clock, sessions
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Department, Deputy, Fulfiller, Person, RoleGrant
from tests.support.client import Visitor
from tests.support.doors import ADMINISTRATORS, KEEPERS, LEADS, MINDERS, OWNERS, READERS, SERVING, TAKERS, WORKERS, Canaries, Door, doors, names, visitors

WHO = {
    "everybody": "people.ask_code_now people.ask_link_now people.sign_in_now people.use_link_now",
    "person": """desk.discard_draft desk.file desk.save_draft desk.settle_draft notifications.preferences notifications.read_all people.begin_second_factor people.change_password
        people.confirm_second_factor people.end_everywhere people.end_second_factor people.keep_second_factor people.prove_now people.renew_recovery_codes
        people.save_profile people.sign_out people.theme""",
    "owners": "desk.answer desk.ask_again desk.cancel desk.followers desk.have_answered desk.save_edit desk.unfollow",
    "writers": "desk.want_reply desk.write",
    "workers": """desk.assign_now desk.claim desk.follower_now desk.hand_over_now desk.plan desk.priority_now desk.rest_now desk.resume desk.send_reply desk.take
        desk.thanks desk.wait_now desk.wake desk.write_here""",
    "jonas priya": "desk.change_view desk.move_view desk.refilter_view desk.remove_view",
    "jonas": "desk.take_back",
    "serving": "desk.bulk desk.bulk_now desk.keep_view desk.open_with_view desk.log_call_now desk.log_done",
    "manage": """desk.add_reply_now desk.follow_hours desk.name_somebody desk.remove_reply desk.save_promise desk.save_reply desk.save_service
        desk.save_sharing desk.unname_somebody people.add_member people.change_member people.save_department_voice""",
    "kim and keepers": "notifications.try_again",
    "takers": "desk.read_requests",
    "ada": "desk.confirm_requests desk.continue_requests desk.discard_requests desk.map_words",
    "administrators": """admin.drop_job admin.release admin.retry_job admin.retry_mail admin.send_test people.add_department_now people.add_hours_now people.add_location_now
        people.end_role people.save_department people.save_hours people.save_location""",
    "keepers": """people.add_person_now people.ask_to_end_second_factor people.come_back people.confirm_import people.discard_import people.grant_role people.invite
        people.leave people.read_people people.save_person people.sign_out_person""",
    "minders": "desk.add_arrived desk.ignore_arrived desk.open_arrived",
    "mara": "notifications.read_one",
    "leo": "people.end_device",
    "planners": "people.plan_absence people.cancel_absence",
    "demo": "people.sign_in_as",
}
"""Who may call what changes something; reviewed by hand. ``demo``: nobody, outside of a demo."""
RULE = {endpoint: rule for rule, endpoints in WHO.items() for endpoint in endpoints.split()}
ENDING = {"people.end_everywhere", "people.sign_out"}
"""What ends the session it is called in."""


def may(door: Door, who: str) -> bool:
    """Whether ``who`` may call ``door``."""
    rule, about = RULE[door.endpoint], door.about
    by_rule: dict[str, Callable[[], str]] = {
        "owners": lambda: OWNERS[about],
        "writers": lambda: f"{OWNERS[about]} aisha" if about == "pay" else OWNERS[about],
        "workers": lambda: WORKERS[about],
        "serving": lambda: SERVING[about],
        "manage": lambda: f"{LEADS[about]} {ADMINISTRATORS}",
        "administrators": lambda: ADMINISTRATORS,
        "keepers": lambda: KEEPERS,
        "kim and keepers": lambda: f"kim {KEEPERS}",
        "minders": lambda: MINDERS,
        "takers": lambda: TAKERS,
        "planners": lambda: {"mara": f"mara camille {KEEPERS}", "bruno": KEEPERS}.get(about, f"jonas priya {KEEPERS}"),
        "demo": lambda: "-",
    }
    if rule in ("everybody", "person"):
        return bool(who) or rule == "everybody"
    return bool(who) and who in names(by_rule.get(rule, lambda: rule)())


def token_of(visitor: Visitor) -> str:
    """A valid token against forged requests, so that nothing but the right is missing."""
    page = visitor.get("/account/profile/edit")
    if page.path != "/account/profile/edit":
        page = visitor.get("/sign-in")
    return next(form.values["csrf_token"][0] for form in page.forms if "csrf_token" in form.values)


def test_every_function_is_in_the_table(app: Flask, canaries: Canaries) -> None:
    """What is new says here who may call it; what is gone leaves the table."""
    there = {door.endpoint for door in doors(app, canaries, unsafe=True)}
    assert {"unknown here": sorted(there - set(RULE)), "gone": sorted(set(RULE) - there)} == {"unknown here": [], "gone": []}


@pytest.mark.parametrize("who", ["", "lars", "jonas", "ruth", "vera"])
def test_who_may_not_changes_nothing(app: Flask, canaries: Canaries, dump: Any, who: str) -> None:
    """Nobody, the weakest employee, a fulfiller of another department, a lead who reads along, the auditor."""
    visitor = visitors(app, canaries.world, (who,))[who]
    token, before, wrong = token_of(visitor), dump(), []
    for door in doors(app, canaries, unsafe=True):
        if may(door, who) or RULE[door.endpoint] == "everybody":
            continue
        page = visitor.post(door.path, {"csrf_token": token}, follow_redirects=False)
        if page.status not in ((303, 404) if not who else (403, 404)) or (page.status == 303 and "/sign-in" not in page.headers["Location"]):
            wrong.append(f"{door} ({door.about}): {page.status}")
    assert wrong == []
    assert before.changes() == {}


@pytest.mark.parametrize("who", ["mara", "jonas", "priya", "elena", "ada"])
def test_who_may_is_not_turned_away(app: Flask, canaries: Canaries, who: str) -> None:
    """The same call by the right people fails on its empty form at most: the refusals above are about rights."""
    visitor = visitors(app, canaries.world, (who,))[who]
    token, wrong = token_of(visitor), []
    found = [door for door in doors(app, canaries, unsafe=True) if may(door, who)]
    for door in sorted(found, key=lambda door: door.endpoint in ENDING):
        page = visitor.post(door.path, {"csrf_token": token}, follow_redirects=False)
        if page.status in (401, 403) or page.status >= 500:
            wrong.append(f"{door} ({door.about}): {page.status} {page.text[-200:]}")
        if door.endpoint in ENDING:
            visitor = visitors(app, canaries.world, (who,))[who]
            token = token_of(visitor)
    assert wrong == []


def test_a_hidden_request_and_an_unknown_one_refuse_alike(app: Flask, canaries: Canaries) -> None:
    """No method tells whether a number exists."""
    world = canaries.world
    for who in ("leo", "lars", "ada"):
        visitor = visitors(app, world, (who,))[who]
        token = token_of(visitor)
        for door in doors(app, canaries, unsafe=True):
            if door.about != "badge" or who in names(READERS["badge"]):
                continue
            unknown = door.path.replace(f"/{world.requests['badge']}", "/99", 1)
            answers = [visitor.post(path, {"csrf_token": token}, follow_redirects=False) for path in (door.path, unknown)]
            assert answers[0].status == answers[1].status, door
            assert answers[0].text.replace(str(world.requests["badge"]), "N") == answers[1].text.replace("99", "N"), door


# -- rights end at once -------------------------------------------------------------------------------------------------


def _end_role(world: Any, who: str) -> None:
    db.session.execute(sa.update(RoleGrant).where(RoleGrant.person_id == world.people[who].id).values(ended_at=clock.now()))


def _end_fulfilling(world: Any, who: str) -> None:
    db.session.execute(sa.delete(Fulfiller).where(Fulfiller.person_id == world.people[who].id))


def _new_lead(world: Any, key: str) -> None:
    db.session.execute(sa.update(Department).where(Department.id == world.departments[key].id).values(lead_id=world.iris.id))


def _unname(world: Any, who: str) -> None:
    db.session.execute(sa.delete(NamedFulfiller).where(NamedFulfiller.person_id == world.people[who].id))


def _unfollow(world: Any, who: str) -> None:
    db.session.execute(sa.delete(Participant).where(Participant.person_id == world.people[who].id))


def _no_deputy(world: Any, who: str) -> None:
    db.session.execute(sa.delete(Deputy).where(Deputy.person_id == world.people[who].id))


def _move(world: Any, key: str) -> None:
    db.session.execute(sa.update(Department).where(Department.id == world.departments[key].id).values(parent_id=None))


def _leave(world: Any, who: str) -> None:
    db.session.execute(sa.update(Person).where(Person.id == world.people[who].id).values(is_active=False))


def _last_day_was_yesterday(world: Any, who: str) -> None:
    db.session.execute(sa.update(Person).where(Person.id == world.people[who].id).values(end_date=clock.now().date().replace(day=23)))


def _end_sessions(world: Any, who: str) -> None:
    sessions.end_all(world.people[who].id, clock.now())


LOST: dict[str, tuple[str, Callable[[Any, str], None], str, tuple[str, ...], tuple[int, ...]]] = {
    "a role": ("ada", _end_role, "ada", ("/administration/health", "/administration/changes.csv", "/administration/people"), (403,)),
    "HR": ("elena", _end_role, "elena", ("/administration/people/add", "/people/MC-0099"), (403, 404)),
    "the record": ("vera", _end_role, "vera", ("/administration/changes", "/requests/{expenses}"), (403, 404)),
    "a queue": ("jonas", _end_fulfilling, "jonas", ("/queue/facilities", "/queue/facilities/clocks?ids={radiator}", "/requests/{radiator}"), (403, 404)),
    "a lead's view": ("camille", _new_lead, "marketing", ("/departments/marketing/requests", "/requests/{expenses}"), (403, 404)),
    "a bare page": ("priya", _new_lead, "facilities", ("/requests/{badge}", "/queue/facilities", "/services/facilities"), (403, 404)),
    "being named": ("kim", _unname, "kim", ("/requests/{badge}", "/requests/{badge}/work/assign", "/requests/{badge}/clock"), (404,)),
    "following": ("aisha", _unfollow, "aisha", ("/requests/{pay}", "/requests/{pay}/clock"), (404,)),
    "deputising": ("goran", _no_deputy, "goran", ("/departments/warehouse/requests", "/requests/{laptop}"), (403, 404)),
    "a department above": ("camille", _move, "communications", ("/departments/communications/requests", "/requests/{heating}"), (403, 404)),
    "the work": ("mara", _leave, "mara", ("/", "/requests", "/requests/{radiator}", "/people/suggest?q=a", "/notifications"), (303,)),
    "the last day": ("mara", _last_day_was_yesterday, "mara", ("/", "/requests/{radiator}"), (303,)),
    "the session": ("mara", _end_sessions, "mara", ("/", "/requests/{radiator}", "/account/devices"), (303,)),
}
"""What was lost: whose, how, the doors that were open, and how they are closed."""


@pytest.mark.parametrize("what", LOST)
def test_the_next_request_obeys(app: Flask, world: Any, what: str) -> None:
    """A page was open; a right ends; the same browser asks once more."""
    who, lose, key, places, closed = LOST[what]
    visitor = visitors(app, world, (who,))[who]
    addresses = [place.format(**{name.replace("-", "_"): number for name, number in world.requests.items()}) for place in places]
    assert [visitor.get(address, follow_redirects=False).status for address in addresses] == [200] * len(addresses)
    with app.app_context():
        with unit_of_work():
            lose(world, key)
        db.session.remove()
    after = {address: visitor.get(address, follow_redirects=False).status for address in addresses}
    assert all(status in closed for status in after.values()), after


@pytest.mark.parametrize("lose", [_leave, _end_sessions])
def test_an_open_form_is_worth_nothing_afterwards(app: Flask, world: Any, dump: Any, lose: Any) -> None:
    """The form was on the screen when its owner left: sending it changes nothing and leads to the door."""
    jonas = visitors(app, world, ("jonas",))["jonas"]
    token = token_of(jonas)
    with app.app_context():
        with unit_of_work():
            lose(world, "jonas")
        db.session.remove()
    before = dump()
    for path in (
        f"/requests/{world.requests['radiator']}/work/claim",
        f"/requests/{world.requests['heating']}/work/reply",
        "/account/profile/edit",
        "/drafts/need.repair",
    ):
        answer = jonas.post(path, {"csrf_token": token, "body": "x", "next_step": "x"}, follow_redirects=False)
        assert (answer.status, "/sign-in" in answer.headers.get("Location", "")) == (303, True), path
    assert before.changes() == {}


def test_a_fragment_of_somebody_signed_out_says_401(world: Any, sign_in: Any, app: Flask) -> None:
    """Script must not put the sign-in page into a corner of the page."""
    assert Visitor(app).fragment("/people/suggest?q=a").status == 401
    assert sign_in(world.mara).fragment("/people/suggest?q=a").status == 200


def test_nobody_hands_out_what_they_lack(world: Any, sign_in: Any, app: Flask) -> None:
    """HR cannot make administrators, nor themselves (Frappe CVE-2026-29077, Zulip CVE-2022-31168)."""
    elena = sign_in(world.elena)
    token = token_of(elena)
    for who in ("elena", "mara"):
        for role in ("administrator", "auditor", "privacy_officer", "approver", "nonsense", ""):
            elena.post(f"/administration/people/{world.people[who].staff_number}/roles", {"csrf_token": token, "role": role})
    with app.app_context():
        held = {(row.person_id, row.role.value) for row in db.session.scalars(sa.select(RoleGrant).where(RoleGrant.ended_at.is_(None)))}
        db.session.remove()
    assert {role for person, role in held if person == world.mara.id} == set()
    assert {role for person, role in held if person == world.elena.id} == {"hr", "survey_owner"}
