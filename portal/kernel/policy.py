"""Who acts, and what a route declares: the actor, permissions per route, and the reason behind an answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, g, has_request_context

from portal.kernel.errors import Forbidden

View = TypeVar("View", bound=Callable[..., Any])
Check = Callable[["Actor"], bool]


@dataclass(frozen=True)
class Actor:
    """A frozen view of the person who acts, built once per request; rights never outlive it."""

    person_id: int | None = None
    name: str = ""
    kind: str = "anonymous"
    department_id: int | None = None
    departments: frozenset[int] = field(default_factory=frozenset)
    fulfils: frozenset[int] = field(default_factory=frozenset)
    leads: frozenset[int] = field(default_factory=frozenset)
    roles: frozenset[str] = field(default_factory=frozenset)
    reports: frozenset[int] = field(default_factory=frozenset)
    zone: str = "UTC"
    locale: str = "en"
    session_id: int | None = None

    @property
    def is_person(self) -> bool:
        """True for somebody signed in."""
        return self.person_id is not None

    @property
    def is_system(self) -> bool:
        """True for work the portal does on its own."""
        return self.kind == "system"

    def has(self, *roles: str) -> bool:
        """True when the actor holds one of the company-wide roles."""
        return bool(self.roles.intersection(roles))


ANONYMOUS = Actor()
SYSTEM = Actor(kind="system", name="Hearth")

_checks: dict[StrEnum, Check] = {}


def grant(permission: StrEnum, check: Check) -> None:
    """Register the cheap role check of ``permission``; without one every signed-in person passes."""
    _checks[permission] = check


def allows(actor: Actor, permission: StrEnum) -> bool:
    """True when the role check of ``permission`` lets ``actor`` pass."""
    return actor.is_person and _checks.get(permission, _anybody)(actor)


def _anybody(_actor: Actor) -> bool:
    return True


def allow(*permissions: StrEnum) -> Callable[[View], View]:
    """Declare what a route needs: one of ``permissions`` must pass before the view; the object check is the loader's."""
    if not permissions:
        raise TypeError("a route for everybody says so with @public")

    def mark(view: View) -> View:
        view.__permissions__ = permissions  # type: ignore[attr-defined]  # a declaration the start-up check reads
        return view

    return mark


def public(view: View) -> View:
    """Declare that a route is for everybody, signed in or not."""
    view.__permissions__ = ()  # type: ignore[attr-defined]  # a declaration the start-up check reads
    return view


def declared(view: Callable[..., Any]) -> tuple[StrEnum, ...] | None:
    """The permissions a view declares: empty for public, None when it declares nothing."""
    return getattr(view, "__permissions__", None)


def current() -> Actor:
    """The actor of this web request; anonymous before sign-in."""
    if not has_request_context():
        raise RuntimeError("outside a web request the actor is an argument")
    return getattr(g, "actor", ANONYMOUS)


def require(permissions: tuple[StrEnum, ...], actor: Actor) -> None:
    """Raise Forbidden unless ``actor`` passes the check of one of ``permissions``."""
    if not any(allows(actor, permission) for permission in permissions):
        raise Forbidden()


def undeclared_routes(app: Flask) -> list[str]:
    """Endpoints that declare neither a permission nor that they are public; must be empty."""
    return sorted(name for name, view in app.view_functions.items() if declared(view) is None)
