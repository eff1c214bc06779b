"""Permissions: every route declares one, the role check comes before the view, and nothing undeclared is ever served."""

from enum import StrEnum

import pytest
from flask import Flask

from portal.kernel import policy
from portal.kernel.errors import Forbidden
from portal.kernel.policy import ANONYMOUS, SYSTEM, Actor


class Shed(StrEnum):
    """What one can do with the bicycle shed."""

    LOOK = "shed.look"
    PAINT = "shed.paint"


MARA = Actor(person_id=1, name="Mara", kind="person")
ADA = Actor(person_id=2, name="Ada", kind="person", roles=frozenset({"administrator"}))


@pytest.fixture(autouse=True)
def _own_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_checks", {})
    policy.grant(Shed.PAINT, lambda actor: actor.has("administrator", "auditor"))


def test_a_permission_without_a_check_is_for_everybody_signed_in() -> None:
    """The object decides later; strangers never pass, and the system needs no page."""
    assert [policy.allows(actor, Shed.LOOK) for actor in (MARA, ADA, ANONYMOUS, SYSTEM)] == [True, True, False, False]


def test_a_check_lets_its_roles_pass_and_nobody_else() -> None:
    """Mara may look at the shed and not paint it."""
    assert [policy.allows(actor, Shed.PAINT) for actor in (MARA, ADA, ANONYMOUS)] == [False, True, False]


def test_one_of_several_permissions_is_enough() -> None:
    """A page for two kinds of people declares both."""
    policy.require((Shed.PAINT, Shed.LOOK), MARA)
    with pytest.raises(Forbidden):
        policy.require((Shed.PAINT,), MARA)


def test_a_declaration_can_be_read_from_the_view() -> None:
    """Public is an empty declaration, silence is none."""

    @policy.allow(Shed.LOOK)
    def look() -> str:
        return "shed"

    @policy.public
    def gate() -> str:
        return "gate"

    def hole() -> str:
        return "hole"

    assert [policy.declared(view) for view in (look, gate, hole)] == [(Shed.LOOK,), (), None]


def test_an_empty_declaration_is_no_way_to_be_public() -> None:
    """``@allow()`` with its permission forgotten must not open the door."""
    with pytest.raises(TypeError):
        policy.allow()


def test_undeclared_routes_are_found() -> None:
    """What the application refuses to start with."""
    app = Flask("shed", static_folder=None)
    app.add_url_rule("/hole", "hole", lambda: "hole")
    app.add_url_rule("/gate", "gate", policy.public(lambda: "gate"))
    assert policy.undeclared_routes(app) == ["hole"]


def test_outside_a_page_nobody_is_the_current_actor() -> None:
    """A job that asks who acts has forgotten to be told."""
    with pytest.raises(RuntimeError):
        policy.current()


def test_the_portal_itself_has_no_undeclared_route(app: Flask) -> None:
    """And refuses to be built with one."""
    assert policy.undeclared_routes(app) == []
