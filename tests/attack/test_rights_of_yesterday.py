"""A right ended, and a door that was open before stayed open; or somebody gave away what they never had.

Published case classes: stale rights (Discourse CVE-2025-49845, Zulip CVE-2023-32678 and CVE-2026-25742, HumHub 6753 and 7351) and giving
what one does not have (Frappe CVE-2026-29077 and CVE-2026-47765, Zulip CVE-2024-21630 and CVE-2022-31168).
"""

import io
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import Client

from portal.desk.models import NamedFulfiller
from portal.kernel import clock as portal_clock
from portal.kernel.content_host import create_content_app
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people.actors import actor_of
from portal.people.models import Department, Fulfiller, Person, RoleGrant
from tests.attack.test_functions_without_a_check import RULE, token_of
from tests.support.doors import Canaries, Door, doors, visitors

OWN = ("draft of", "notice of")
"""What stays one's own, whatever one may do."""


def lose(app: Flask, *changes: Any) -> None:
    """Rights end, while browsers are open."""
    with app.app_context():
        with unit_of_work():
            for change in changes:
                db.session.execute(change)
        db.session.remove()


def some(found: list[Door]) -> list[Door]:
    """Two samples behind each address; the pages of all requests."""
    kept: list[Door] = []
    seen = Counter[str]()
    for door in found:
        seen[door.endpoint] += 1
        if seen[door.endpoint] <= 2 or door.endpoint == "desk.request_page":
            kept.append(door)
    return kept


def _no_role(person_id: int) -> Any:
    return sa.update(RoleGrant).where(RoleGrant.person_id == person_id).values(ended_at=portal_clock.now())


def _no_queue(person_id: int) -> Any:
    return sa.delete(Fulfiller).where(Fulfiller.person_id == person_id)


def _no_lead(person_id: int, instead: int) -> Any:
    return sa.update(Department).where(Department.lead_id == person_id).values(lead_id=instead)


@pytest.mark.parametrize("who", ["ada", "jonas"])
def test_every_door_forgets_a_right_at_once(app: Flask, canaries: Canaries, who: str) -> None:
    """Discourse CVE-2025-49845, HumHub 6753: role and queue end; the open browser asks at every address there is, and changes nothing."""
    person = canaries.world.people[who].id
    visitor = visitors(app, canaries.world, (who,))[who]
    token, before = token_of(visitor), set[str]()
    for address in ("/queue/facilities", "/queue/it", "/administration/changes", f"/requests/{canaries.world.requests['radiator']}"):
        before |= {word for word in canaries.where if word in visitor.get(address).source}
    lose(
        app, _no_role(person), _no_queue(person), _no_lead(person, canaries.world.iris.id), sa.delete(NamedFulfiller).where(NamedFulfiller.person_id == person)
    )
    leaks, open_doors = set[str](), list[str]()
    for door in some(doors(app, canaries)):
        page = visitor.get(door.path, follow_redirects=False)
        for word in set(page.response.get_data(as_text=True).split("canary")[1:]):
            place, _readers = canaries.where.get(f"canary{word[:12]}", ("", frozenset()))
            if place and not place.startswith(OWN) and who in canaries.where[f"canary{word[:12]}"][1]:
                leaks.add(f"{door}: {place}")
    for door in some(doors(app, canaries, unsafe=True)):
        if RULE[door.endpoint] not in ("everybody", "person", "planners"):
            page = visitor.post(door.path, {"csrf_token": token}, follow_redirects=False)
            open_doors += [f"{door}: {page.status}"] if page.status not in (403, 404) else []
    assert before, "there was something to see"
    assert (sorted(leaks), open_doors) == ([], [])


def test_a_lead_loses_whoever_moves_away(app: Flask, world: Any) -> None:
    """Zulip CVE-2023-32678: Mara goes to another department; her old lead reads and plans nothing of hers with the page still open."""
    camille = visitors(app, world, ("camille",))["camille"]
    places = (f"/requests/{world.requests['expenses']}", "/people/MC-0123/absence")
    assert [camille.get(place).status for place in places] == [200, 200]
    sales = world.departments["sales"].id
    lose(app, sa.update(Person).where(Person.id == world.mara.id).values(department_id=sales, manager_id=world.nils.id))
    assert camille.get(places[1]).status == 403
    assert camille.post(places[1], {"csrf_token": token_of(camille), "first_day": "2026-12-01", "last_day": "2026-12-02"}).status == 403


def test_a_role_with_a_last_day_ends_by_itself(app: Flask, world: Any, clock: Any) -> None:
    """HumHub 7351: nobody has to press anything, and no cache remembers it; the session is not older than an hour meanwhile."""
    lose(app, sa.update(RoleGrant).where(RoleGrant.person_id == world.vera.id).values(until=portal_clock.now().date()))
    vera = visitors(app, world, ("vera",))["vera"]
    assert vera.get("/administration/changes").status == 200
    clock.advance(days=1)
    assert vera.get("/administration/changes").status == 403


def test_the_address_of_a_file_runs_out(app: Flask, canaries: Canaries, clock: Any) -> None:
    """Zulip CVE-2026-25742: whoever may no longer read a request has nothing from an address that was copied in time."""
    world = canaries.world
    aisha = visitors(app, world, ("aisha",))["aisha"]
    place = f"/requests/{world.requests['pay']}/attachments/{canaries.samples['attachment_id']['pay'][0]}"
    path = "/" + aisha.get(place, follow_redirects=False).headers["Location"].split("/", 3)[3]
    content = Client(create_content_app(app.extensions["settings"], str(app.secret_key)))
    assert content.get(path, buffered=True).status_code == 200
    from portal.desk.models import Participant

    lose(app, sa.delete(Participant).where(Participant.person_id == world.aisha.id))
    assert aisha.get(place, follow_redirects=False).status == 404
    clock.advance(days=1)
    assert content.get(path, buffered=True).status_code == 404


def test_whoever_left_is_out_at_every_door(app: Flask, canaries: Canaries, dump: Any) -> None:
    """Zulip CVE-2023-32678: HR says that Jonas left; the next request of his open browser, wherever it goes, leads to the door and changes nothing."""
    world = canaries.world
    jonas, elena = (visitors(app, world, (who,))[who] for who in ("jonas", "elena"))
    token = token_of(jonas)
    elena.post(f"/administration/people/{world.jonas.staff_number}/leave", {"csrf_token": token_of(elena)})
    before, wrong = dump(), list[str]()
    for unsafe in (False, True):
        for door in doors(app, canaries, unsafe=unsafe):
            if unsafe and RULE[door.endpoint] == "everybody":
                continue
            answer = jonas.post(door.path, {"csrf_token": token}, follow_redirects=False) if unsafe else jonas.get(door.path, follow_redirects=False)
            shown = canaries.leaks(answer.response.get_data(as_text=True), "")
            if answer.status not in (200, 303, 404, 410) or shown or (answer.status == 200 and door.endpoint not in PUBLIC):
                wrong.append(f"{door}: {answer.status} {shown}")
    assert wrong == []
    assert before.changes() == {}


PUBLIC = {"admin.livez", "admin.readyz", "people.ask_link", "people.sign_in", "people.ask_code"}

# -- giving what one does not have --------------------------------------------------------------------------------------


def rights(app: Flask, world: Any) -> dict[str, dict[str, set[Any]]]:
    """What everybody may do: roles, queues, departments led, services they are named for."""
    found = {}
    with app.app_context():
        named = db.session.execute(sa.select(NamedFulfiller.person_id, NamedFulfiller.service_id)).all()
        for key, person in world.people.items():
            actor = actor_of(person.id, now=portal_clock.now())
            if actor is not None:
                services = {service for who, service in named if who == person.id}
                found[key] = {"roles": set(actor.roles), "queues": set(actor.fulfils), "leads": set(actor.leads), "named": services}
        db.session.remove()
    return found


def hostile(world: Any, who: str, friend: str, token: str) -> dict[str, Any]:
    """A form in which everything gives ``who`` and ``friend`` more than they have."""
    me, other = world.people[who], world.people[friend]
    return {
        "csrf_token": token, "role": "administrator", "roles": ["administrator", "hr"], "person": other.staff_number, "person_id": str(other.id), "name": other.name,
        "lead": me.staff_number, "lead_id": str(me.id), "deputy": me.staff_number, "deputies": [me.staff_number], "member": me.staff_number, "kind": "lead",
        "what": "add", "way": "add", "serves": "y", "fulfils": "y", "is_lead": "y", "department_id": str(world.departments["it"].id), "parent_id": "", "until": "",
        "department": str(world.departments["it"].id), "manager": other.staff_number, "assignee": me.staff_number, "email": "mine@marlow.example", "key": "it",
        "service_id": str(world.services["pay-question"]), "staff_number": me.staff_number, "title": "x", "body": "x", "reason": "x", "note": "x", "shared": "y",
    }  # fmt: skip


@pytest.mark.parametrize("who", ["mara", "jonas", "priya", "elena"])
def test_nobody_ends_up_with_what_the_giver_lacks(app: Flask, canaries: Canaries, who: str) -> None:
    """Frappe CVE-2026-29077, Zulip CVE-2024-21630: after everything that can be sent was sent, nobody may do what the sender may not give."""
    world = canaries.world
    before = rights(app, world)
    own, friend = before[who], {"mara": "sam", "jonas": "kim", "priya": "ola", "elena": "tom"}[who]
    visitor = visitors(app, world, (who,))[who]
    form = hostile(world, who, friend, token_of(visitor))
    for door in some(doors(app, canaries, unsafe=True)):
        if door.endpoint not in ("people.sign_out", "people.end_everywhere"):
            assert visitor.post(door.path, form, follow_redirects=False).status < 500, door
    gained = {
        (key, kind, right)
        for key, held in rights(app, world).items()
        for kind in held
        for right in held[kind] - before.get(key, {}).get(kind, set())
        if right not in own[kind] and not (kind in ("queues", "leads") and right in own["leads"]) and not (kind == "named" and own["leads"])
    }
    assert gained == set()


@pytest.mark.parametrize("column", ["email", "role", "roles", "password", "is_active", "end_date"])
def test_a_people_file_gives_no_more_than_its_owner_may(app: Flask, world: Any, column: str) -> None:
    """Zammad CVE-2026-84458, Frappe CVE-2026-47765: HR takes in a file that moves the administrator's address, or names roles; Ada stays who she is."""
    elena = visitors(app, world, ("elena",))["elena"]
    value = {"email": "elena.two@marlow.example", "end_date": "2026-11-01"}.get(column, "administrator")
    text = f"staff_number,name,{column}\n{world.ada.staff_number},{world.ada.name},{value}\nMC-0123,Mara Okafor,{value if column != 'email' else 'm2@marlow.example'}\n"
    with app.app_context():
        held = _ada(world)
        db.session.remove()
    page = elena.get("/administration/import")
    data = {name: list(kept) for name, kept in page.form("file").values.items()}
    answer = elena.post("/administration/import", data | {"file": (io.BytesIO(text.encode()), "people.csv")})
    confirm = next((form for form in answer.forms if form.action.endswith("/confirm")), None)
    if confirm is not None:
        elena.submit(answer, confirm)
    with app.app_context():
        assert _ada(world) == held
        assert {row.role.value for row in db.session.scalars(sa.select(RoleGrant).where(RoleGrant.person_id == world.mara.id))} == set()
        db.session.remove()


def _ada(world: Any) -> tuple[Any, ...]:
    row = db.session.get_one(Person, world.ada.id, populate_existing=True)
    return row.email, row.is_active, row.end_date, row.staff_number


@pytest.mark.parametrize("way", ["invite", "address", "sign-out", "leave", "factor"])
def test_hr_does_not_come_in_as_an_administrator(app: Flask, world: Any, dump: Any, way: str) -> None:
    """Frappe CVE-2026-47765: an invitation, a new address or a lost second factor of somebody with more rights is not HR's to give."""
    elena = visitors(app, world, ("elena",))["elena"]
    token, place = token_of(elena), f"/administration/people/{world.ada.staff_number}"
    paths = {"invite": "/invite", "address": "/edit", "sign-out": "/sign-out", "leave": "/leave", "factor": "/second-factor/off"}
    before = dump()
    answer = elena.post(
        place + paths[way], {"csrf_token": token, "email": "elena.two@marlow.example", "name": "Ada", "staff_number": "MC-0900", "kind": "employee"}
    )
    assert answer.status == 403
    assert before.changes() == {}


def test_people_who_may_grant_can(app: Flask, world: Any) -> None:
    """Success beside refusal: Ada makes Vera an administrator, and that counts at Vera's next request."""
    ada, vera = (visitors(app, world, (who,))[who] for who in ("ada", "vera"))
    assert vera.get("/administration/health").status == 403
    page = ada.get(f"/administration/people/{world.vera.staff_number}")
    form = next(form for form in page.forms if form.action.endswith(f"{world.vera.staff_number}/roles"))
    assert ada.submit(page, form, role="administrator").status == 200
    assert visitors(app, world, ("vera",))["vera"].get("/administration/health").status == 200
