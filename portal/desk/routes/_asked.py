"""What the address of a queue asks for: a tab with filters and an order, or a saved view, as it is or with changes; and links that keep it.

Beside ``saved`` the address names every filter again once one of them was changed, so what is shown never depends on more than the address
and the view it names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from portal.desk.forms.filters import NAMES, QueueFilter
from portal.desk.queries.views import GONE, View
from portal.kernel.errors import NotFound

SAYS = (*NAMES, "view", "sort")
"""Names in the address that say what is shown."""
KEPT = frozenset({*SAYS, "saved", "at", "first"})
"""Names in the address that a form of the queue gives back."""


@dataclass(frozen=True)
class Asked:
    """The filters that count, the saved view they come from, and whether they differ from it."""

    key: str
    form: QueueFilter
    views: Sequence[View]
    saved: View | None = None
    is_changed: bool = False

    @property
    def default(self) -> View | None:
        """The view the queue opens with."""
        return next((view for view in self.views if view.is_default), None)

    @property
    def here(self) -> dict[str, str]:
        """What an address says that shows this and can be changed by a filter."""
        if self.saved is not None:
            return {"saved": str(self.saved.id)} | self.form.address(whole=True)
        return self.form.address(whole=self.default is not None)

    @property
    def as_it_is(self) -> dict[str, str]:
        """The shortest address that shows this."""
        return {"saved": str(self.saved.id)} if self.saved is not None and not self.is_changed else self.here

    def url(self, **held: Any) -> str:
        """An address of the queue; without anything it says what next where the queue would open with a view."""
        usual = {"view": "next"} if not held and self.default is not None else {}
        return url_for("desk.queue", key=self.key, **(held or usual))

    def without(self, name: str) -> str:
        """The address less one filter."""
        return self.url(**{key: value for key, value in self.here.items() if key != name})

    def keep(self, *names: str) -> list[tuple[str, str]]:
        """What a form that sets these filters gives along."""
        return [(key, value) for key, value in self.here.items() if key not in names]


def asked(key: str, views: Sequence[View], args: Mapping[str, str] | None = None) -> Asked:
    """What the present address, or another one, asks for; NotFound for a view that is not there or not the reader's to see."""
    args = request.args if args is None else args
    number = args.get("saved")
    if number is None:
        return Asked(key, QueueFilter.of_pairs(args), views)
    saved = next((view for view in views if str(view.id) == number), None)
    if saved is None:
        raise NotFound(GONE, link=url_for("desk.queue", key=key, view="next"))
    kept = QueueFilter.of_pairs(saved.filters)
    if not any(name in args for name in SAYS):
        return Asked(key, kept, views, saved)
    form = QueueFilter.of_pairs(args)
    return Asked(key, form, views, saved, is_changed=form.address(whole=True) != kept.address(whole=True))


def filled(args: Mapping[str, str]) -> dict[str, str] | None:
    """The address without the empty fields of a form; None when there are none."""
    clean = {name: value for name, value in args.items() if value.strip()}
    return clean if len(clean) != len(args) else None
