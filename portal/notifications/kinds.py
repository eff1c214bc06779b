"""What people can be told about, why, and who may still see it: registered by the features, listed on the preference page.

Registering happens once, when a feature is imported or set up; the same key replaces what was there.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from portal.kernel.messages import Message, say
from portal.kernel.policy import Actor
from portal.notifications.rules import Mode

Visible = Callable[[Actor, list[int]], Collection[int]]


@dataclass(frozen=True)
class Kind:
    """A kind of notice: how it is called, what it is about, and the mail somebody gets who never chose."""

    key: str
    label: Message
    description: Message
    mail: Mode
    order: int
    who: Callable[[Actor], bool]
    is_receipt: bool = False
    is_automatic: bool = False


def _everybody(_actor: Actor) -> bool:
    return True


_kinds: dict[str, Kind] = {}
_visible: dict[str, Visible] = {}
_marks: dict[str, str] = {}
_reasons: dict[str, Message] = {
    "asked": say("You asked for this."),
    "filed": say("You asked for this on behalf of somebody."),
    "follows": say("You follow this."),
    "yours": say("This is yours to answer."),
    "serves": say("You answer what this department is asked."),
    "leads": say("You lead this department."),
    "about": say("This is about you."),
    "keeps": say("You keep the portal running."),
}


def register(
    key: str,
    label: Message,
    description: Message,
    mail: str = "now",
    order: int = 100,
    who: Callable[[Actor], bool] = _everybody,
    is_receipt: bool = False,
    is_automatic: bool = False,
) -> None:
    """Announce a kind such as ``desk.answered``; ``mail`` is now, digest or off. The preference page shows it to those ``who`` accepts.

    A receipt says only that something arrived: to a mail it is an automatic answer, of which an address gets few. So is what always
    answers a mail (``is_automatic``).
    """
    _kinds[key] = Kind(key, label, description, Mode(mail), order, who, is_receipt, is_automatic)


def reason(key: str, sentence: Message) -> None:
    """Announce an answer to "why did I get this?": one whole sentence without parameters."""
    _reasons[key] = sentence


def subject(kind: str, visible: Visible, mark: str = "") -> None:
    """Announce who may see things of ``kind``: ``visible(actor, ids)`` gives the ids the actor may read now.

    With a ``mark`` such as R, subjects of mails about one begin with [R-4127].
    """
    _visible[kind] = visible
    _marks[kind] = mark


def tag(about: tuple[str, int]) -> str:
    """What subjects of mails about a thing begin with, such as [R-4127]; empty for kinds without a mark."""
    mark = _marks.get(about[0], "")
    return f"[{mark}-{about[1]}]" if mark else ""


def everything() -> list[Kind]:
    """All kinds in the order of the preference page."""
    return sorted(_kinds.values(), key=lambda kind: (kind.order, kind.key))


def find(key: str) -> Kind:
    """A kind by its key; raises LookupError for one nobody registered."""
    if key not in _kinds:
        raise LookupError(f"no kind of notice is called {key}")
    return _kinds[key]


def why(key: str) -> Message:
    """The answer to "why did I get this?"; raises LookupError for a reason nobody registered."""
    if key not in _reasons:
        raise LookupError(f"no reason is called {key}")
    return _reasons[key]


def still_visible(actor: Actor, subjects: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of the things that ``actor`` may read now, one question per kind; kinds without a rule are visible."""
    by_kind: dict[str, set[int]] = defaultdict(set)
    for kind, number in subjects:
        by_kind[kind].add(number)
    found: set[tuple[str, int]] = set()
    for kind, ids in by_kind.items():
        rule = _visible.get(kind)
        found.update((kind, number) for number in (ids if rule is None else ids.intersection(rule(actor, sorted(ids)))))
    return found
