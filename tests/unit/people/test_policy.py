"""Who may see and change what: predicates and their SQL twins over the named company, and loaders that refuse."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.kernel import clock, policy
from portal.kernel.db import db
from portal.kernel.errors import Forbidden, NotFound
from portal.kernel.policy import ANONYMOUS, SYSTEM
from portal.kernel.unit_of_work import unit_of_work
from portal.people.actors import actor_of
from portal.people.models import Department, Fulfiller, Person, Role, RoleGrant
from portal.people.policy import (
    People,
    find_department,
    find_grant,
    find_person,
    grantable,
    may_grant,
    may_lead,
    may_plan_absence,
    may_see,
    persons_visible_to,
)
from portal.people.queries.administration import grants_of

pytestmark = pytest.mark.usefixtures("context")
EVERYBODY = ("mara", "jonas", "priya", "elena", "tom", "aisha", "sam", "hana", "goran", "lars", "ruth", "leo", "nils", "iris", "ada", "vera")


@pytest.mark.parametrize("who", [*EVERYBODY, None])
def test_the_twins_agree_on_persons(world: Any, who: str | None) -> None:
    """What SQL returns is exactly what Python accepts."""
    actor = world.actor(who) if who else ANONYMOUS
    people = list(db.session.scalars(sa.select(Person)))
    accepted = {p.id for p in people if may_see(actor, p)}
    assert set(db.session.scalars(sa.select(Person.id).where(persons_visible_to(actor)))) == accepted
    assert (world.bruno.id in accepted) == (who in ("ada", "elena"))
    assert (world.mara.id in accepted) == (who is not None)


def test_the_system_sees_everybody(world: Any) -> None:
    """Jobs that count."""
    assert set(db.session.scalars(sa.select(Person.id).where(persons_visible_to(SYSTEM)))) == {who.id for who in world.people.values()}


def test_who_left_is_unknown_to_colleagues(world: Any) -> None:
    """The same answer as for a number nobody ever had."""
    assert find_person(world.actor("elena"), "MC-0099").name == "Bruno Adler"
    for number in ("MC-0099", "MC-9999", "", "x" * 500, "MC-0123' OR 1=1"):
        with pytest.raises(NotFound):
            find_person(world.actor("nils"), number)


def test_only_hr_and_administrators_keep_persons(world: Any) -> None:
    """Seeing is for everybody, changing is not."""
    for who in EVERYBODY:
        actor = world.actor(who)
        assert find_person(actor, "MC-0123").name == "Mara Okafor"
        if who in ("ada", "elena"):
            assert find_person(actor, "MC-0123", to=People.KEEP)
        else:
            with pytest.raises(Forbidden):
                find_person(actor, "MC-0123", to=People.KEEP)


def test_a_profile_is_changed_by_its_owner(world: Any) -> None:
    """Not even by an administrator."""
    assert find_person(world.actor("mara"), "MC-0123", to=People.SELF)
    for who in ("ada", "elena", "camille", "jonas"):
        with pytest.raises(Forbidden):
            find_person(world.actor(who), "MC-0123", to=People.SELF)


@pytest.mark.parametrize(("who", "may"), [("lars", True), ("hana", True), ("goran", True), ("elena", True), ("ada", True), ("mara", False), ("iris", False)])
def test_absence_is_planned_by_oneself_the_manager_the_lead_or_hr(world: Any, who: str, may: bool) -> None:
    """Lars packs under Hana; Goran stands in for her."""
    lars = db.session.get_one(Person, world.lars.id)
    assert may_plan_absence(world.actor(who), lars) is may
    if not may:
        with pytest.raises(Forbidden):
            find_person(world.actor(who), lars.staff_number, to=People.PLAN)


@pytest.mark.parametrize(("who", "may"), [("priya", True), ("ada", True), ("jonas", False), ("vera", False), ("iris", False), ("elena", False)])
def test_a_department_is_edited_by_its_lead(world: Any, who: str, may: bool) -> None:
    """Its fulfillers read it like everybody."""
    actor = world.actor(who)
    assert may_lead(actor, find_department(actor, "facilities")) is may
    if not may:
        with pytest.raises(Forbidden):
            find_department(actor, "facilities", to=People.LEAD)


def test_leads_lead_what_hangs_below(world: Any) -> None:
    """Security belongs to Facilities; the other way round it does not hold."""
    assert find_department(world.actor("priya"), "security", to=People.LEAD)
    with pytest.raises(Forbidden):
        find_department(world.actor("vera"), "facilities", to=People.LEAD)
    with pytest.raises(Forbidden):
        find_department(world.actor("priya"), "security", to=People.ADMINISTER)


def test_strangers_see_no_department(world: Any) -> None:
    """Nothing at all without signing in."""
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Department)) == len(world.departments)
    with pytest.raises(NotFound):
        find_department(ANONYMOUS, "facilities")


def test_nobody_gives_what_they_do_not_hold(world: Any) -> None:
    """Administrators give every role, HR gives HR and survey owner, everybody else none."""
    assert grantable(world.actor("ada")) == list(Role)
    assert grantable(world.actor("elena")) == [Role.HR, Role.SURVEY_OWNER]
    for who in ("mara", "priya", "vera", "aisha", "iris"):
        assert grantable(world.actor(who)) == []
    assert not may_grant(world.actor("elena"), Role.HR, world.facilities.id)
    assert not may_grant(ANONYMOUS, Role.HR, None)


def test_nobody_ends_what_they_could_not_give(world: Any) -> None:
    """Elena sees that Ada is an administrator and cannot end it; Mara does not get that far."""
    grant = grants_of(world.ada.id)[0]
    assert find_grant(world.actor("ada"), grant.id)
    with pytest.raises(Forbidden):
        find_grant(world.actor("elena"), grant.id)
    with pytest.raises(NotFound):
        find_grant(world.actor("mara"), grant.id)


@pytest.mark.parametrize(
    ("permission", "holders"),
    [
        (People.SELF, set(EVERYBODY)),
        (People.READ, set(EVERYBODY)),
        (People.PLAN, set(EVERYBODY)),
        (People.LEAD, {"priya", "elena", "aisha", "sam", "hana", "goran", "ruth", "leo", "nils", "iris", "ada", "vera"}),
        (People.KEEP, {"ada", "elena"}),
        (People.IMPORT, {"ada", "elena"}),
        (People.ADMINISTER, {"ada"}),
    ],
)
def test_the_cheap_check_of_every_permission(world: Any, permission: People, holders: set[str]) -> None:
    """Whose pages open at all."""
    assert {who for who in EVERYBODY if policy.allows(world.actor(who), permission)} == holders
    assert not policy.allows(ANONYMOUS, permission)


def test_rights_are_read_afresh_every_time(world: Any) -> None:
    """A role that ended, an end date that passed and a department that was left count at once."""
    now = clock.now()
    yesterday = now.date() - timedelta(days=1)
    with unit_of_work():
        db.session.execute(sa.update(RoleGrant).where(RoleGrant.person_id == world.elena.id, RoleGrant.role == Role.HR).values(until=yesterday))
        db.session.execute(sa.delete(Fulfiller).where(Fulfiller.person_id == world.jonas.id))
        db.session.execute(sa.update(Person).where(Person.id == world.tom.id).values(end_date=yesterday))
        db.session.execute(sa.update(Person).where(Person.id == world.kim.id).values(end_date=now.date()))
    assert world.actor("elena").roles == {"survey_owner"}
    assert world.actor("jonas").fulfils == frozenset()
    assert actor_of(world.tom.id, now=now) is None
    assert actor_of(world.kim.id, now=now) is not None
