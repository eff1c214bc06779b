"""Named places a page leaves open for features it does not know: menu entries, home cards, profile tabs, search.

Slots in use: ``menu``, ``home.waiting``, ``home.main``, ``home.side``, ``profile.tabs``, ``search``.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portal.kernel.policy import Actor

Provider = Callable[..., Any]


@dataclass(frozen=True)
class _Entry:
    order: int
    name: str
    provider: Provider


_slots: dict[str, dict[str, _Entry]] = defaultdict(dict)


def register(slot: str, name: str, provider: Provider, order: int = 100) -> None:
    """Offer ``provider(actor, **context)`` for ``slot``; the same name replaces an earlier offer."""
    _slots[slot][name] = _Entry(order, name, provider)


def offers(slot: str) -> list[tuple[str, Provider]]:
    """Name and provider of every offer for ``slot``, in order, for places that must stand when one of them fails."""
    return [(entry.name, entry.provider) for entry in sorted(_slots[slot].values(), key=lambda e: (e.order, e.name))]


def fill(slot: str, actor: Actor, **context: Any) -> list[Any]:
    """What the providers of ``slot`` have for ``actor``, in order; those with nothing to show are left out."""
    found = (provider(actor, **context) for _, provider in offers(slot))
    return [part for part in found if part is not None]
