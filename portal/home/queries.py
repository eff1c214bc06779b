"""The pages that search finds."""

from collections.abc import Iterable

from portal.kernel.shell import MenuGroup
from portal.people.rules import folded


def pages(groups: Iterable[MenuGroup], text: str, limit: int) -> list[tuple[str, str, str]]:
    """(label, icon, address) of menu entries whose words begin like the words of ``text``."""
    wanted = folded(text).split()
    found = [
        (item.label, item.icon, item.url)
        for group in groups
        for item in group.items
        if all(any(word.startswith(w) for word in folded(item.label).split()) for w in wanted)
    ]
    return found[:limit]
