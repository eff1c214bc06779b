"""Over the named world: whoever Python lets read, work on or know the bare facts of a request, SQL finds, and nobody else."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk import policy
from portal.desk.models import NamedFulfiller, Participant, Request, Service
from portal.desk.policy import Desk, RequestFacts
from portal.kernel.db import db
from portal.kernel.errors import Forbidden, NotFound
from portal.kernel.policy import ANONYMOUS, SYSTEM, Actor
from portal.kernel.unit_of_work import unit_of_work

pytestmark = pytest.mark.postgres


def everybody(world: Any) -> list[Actor]:
    """All who can act, and nobody."""
    return [*(world.actor(key) for key in world.people if key != "bruno"), ANONYMOUS, SYSTEM]


def facts_of(actor: Actor, request: Request) -> RequestFacts:
    """The facts, read straight from the tables."""
    follows = db.session.get(Participant, (request.id, actor.person_id)) if actor.person_id else None
    named = db.session.get(NamedFulfiller, (request.service_id, actor.person_id)) if actor.person_id else None
    return RequestFacts(follows is not None, named is not None)


def found(where: sa.ColumnElement[bool]) -> set[int]:
    """Ids of the requests a filter lets through."""
    return set(db.session.scalars(sa.select(Request.id).where(where)))


Twin = tuple[Callable[[Actor], sa.ColumnElement[bool]], Callable[[Actor, Request, RequestFacts], bool]]
TWINS: dict[str, Twin] = {
    "read": (policy.requests_visible_to, policy.may_read),
    "work": (policy.requests_worked_by, policy.may_work),
}


@pytest.mark.parametrize("name", TWINS)
def test_sql_and_python_agree_on_everybody_and_every_request(world: Any, context: Flask, name: str) -> None:
    """The twins give the same answer for each of twenty people and all requests of the world."""
    in_sql, in_python = TWINS[name]
    requests = db.session.scalars(sa.select(Request)).all()
    assert len(requests) >= 15
    for actor in everybody(world):
        accepted = {request.id for request in requests if in_python(actor, request, facts_of(actor, request))}
        assert found(in_sql(actor)) == accepted, actor.name


def test_the_loader_agrees_with_the_twins(world: Any, context: Flask) -> None:
    """find_request gives out what may be read, and raises NotFound for the rest as for an unknown number."""
    for actor in everybody(world):
        visible = found(policy.requests_visible_to(actor))
        for request_id in world.requests.values():
            if request_id in visible:
                assert policy.find_request(actor, request_id).id == request_id
            else:
                with pytest.raises(NotFound):
                    policy.find_request(actor, request_id)


@pytest.mark.parametrize("number", [0, -1, 999_999, 2**31, 2**70])
def test_an_unknown_number_is_not_found(world: Any, context: Flask, number: int) -> None:
    """Also numbers no key can hold."""
    with pytest.raises(NotFound):
        policy.find_request(world.actor("mara"), number)


SEEN: dict[str, dict[str, bool]] = {
    "radiator": {"mara": True, "jonas": True, "priya": True, "camille": True, "vera": True, "leo": False, "tom": False, "ada": False, "elena": False},
    "pay": {"tom": True, "aisha": True, "elena": True, "leo": False, "ada": False, "vera": False, "iris": False},
    "concern": {"mara": True, "elena": True, "camille": False, "sam": False, "vera": False},
    "badge": {"tom": True, "kim": True, "jonas": False, "ola": False, "priya": False, "vera": False},
    "for-lars": {"lars": True, "elena": True, "hana": False, "goran": False},
    "for-mara": {"mara": True, "camille": True, "sam": True, "jonas": True, "tom": False},
    "socket": {"aisha": True, "ada": True, "ola": False, "priya": False},
}


@pytest.mark.parametrize("key", SEEN)
def test_who_sees_what(world: Any, context: Flask, key: str) -> None:
    """The sets a person of the company would name: confidential requests stay between a few."""
    for who, expected in SEEN[key].items():
        assert (world.requests[key] in found(policy.requests_visible_to(world.actor(who)))) is expected, who


def test_leads_know_the_bare_facts_of_what_is_confidential_and_nothing_else(world: Any, context: Flask) -> None:
    """Priya knows that a confidential request is with Facilities and when it is due; Leo does not even know that."""
    priya, badge = world.actor("priya"), world.requests["badge"]
    bare = policy.find_bare(priya, badge)
    assert (bare.id, bare.department_id, bare.status, bare.is_open) == (badge, world.facilities.id, "new", True)
    assert not {"title", "requester_id", "answers"} & set(vars(bare))
    assert found(policy.bare_requests_of(priya)) == {badge}
    for who, key in (("leo", "badge"), ("jonas", "badge"), ("priya", "radiator"), ("mara", "concern")):
        with pytest.raises(NotFound):
            policy.find_bare(world.actor(who), world.requests[key])
    assert found(policy.bare_requests_of(world.actor("kim"))) == set()


@pytest.mark.parametrize(
    ("who", "key", "allowed"),
    [
        ("mara", "radiator", {Desk.READ, Desk.WRITE, Desk.OWN}),
        ("jonas", "radiator", {Desk.READ, Desk.WORK}),
        ("priya", "radiator", {Desk.READ, Desk.WORK}),
        ("camille", "radiator", {Desk.READ}),
        ("vera", "radiator", {Desk.READ}),
        ("sam", "for-mara", {Desk.READ, Desk.WRITE}),
        ("camille", "for-mara", {Desk.READ, Desk.WRITE, Desk.OWN}),
        ("aisha", "pay", {Desk.READ, Desk.WRITE}),
        ("elena", "pay", {Desk.READ, Desk.WORK}),
        ("kim", "badge", {Desk.READ, Desk.WORK}),
        ("leo", "radiator", set()),
    ],
)
def test_what_each_may_do(world: Any, context: Flask, who: str, key: str, allowed: set[Desk]) -> None:
    """Each purpose is its own door: Forbidden for those who read, NotFound for those who do not."""
    for purpose in (Desk.READ, Desk.WRITE, Desk.OWN, Desk.WORK):
        if purpose in allowed:
            assert policy.find_request(world.actor(who), world.requests[key], to=purpose).id == world.requests[key]
            continue
        with pytest.raises(Forbidden if allowed else NotFound):
            policy.find_request(world.actor(who), world.requests[key], to=purpose)


def test_services_are_offered_to_all_and_managed_by_leads(world: Any, context: Flask) -> None:
    """A retired service is known to those who manage it alone; SQL and Python agree."""
    with unit_of_work():
        db.session.get_one(Service, world.services["repair"]).is_active = False
    services = db.session.scalars(sa.select(Service)).all()
    for actor in everybody(world):
        accepted = {row.id for row in services if policy.may_see_service(actor, row)}
        assert set(db.session.scalars(sa.select(Service.id).where(policy.services_visible_to(actor)))) == accepted, actor.name
    assert policy.find_service(world.actor("priya"), "repair", to=Desk.MANAGE).id == world.services["repair"]
    assert policy.find_service(world.actor("mara"), "heating").key == "heating"
    with pytest.raises(NotFound):
        policy.find_service(world.actor("mara"), "repair")
    with pytest.raises(Forbidden):
        policy.find_service(world.actor("ruth"), "heating", to=Desk.MANAGE)
    assert policy.find_managed_department(world.actor("ada"), world.facilities.id) == world.facilities.id
    with pytest.raises(Forbidden):
        policy.find_managed_department(world.actor("jonas"), world.facilities.id)


def test_every_answer_has_a_reason(world: Any, context: Flask) -> None:
    """`portal explain` says why for every person and request, and says the same as the answer."""
    requests = db.session.scalars(sa.select(Request)).all()
    for actor in everybody(world):
        for request in requests:
            facts = facts_of(actor, request)
            refused = policy.reason(actor, request, facts).text.startswith(("It is confidential", "They are neither"))
            assert refused is not policy.may_read(actor, request, facts)


def test_a_request_is_loaded_in_one_statement(world: Any, context: Flask, query_count: Any) -> None:
    """Whatever the purpose and the answer, so that timing tells nothing either."""
    jonas, leo = world.actor("jonas"), world.actor("leo")
    with query_count() as statements:
        policy.find_request(jonas, world.requests["radiator"], to=Desk.WORK)
    assert statements.count == 1, statements
    with query_count() as statements, pytest.raises(NotFound):
        policy.find_request(leo, world.requests["pay"])
    assert statements.count == 1, statements
