"""Words of the greeting: the part of the day and how many things wait."""

from datetime import date, time, timedelta

from portal.kernel.messages import Message, say

NEW_FOR = timedelta(days=30)
"""How long somebody counts as new here."""

_WAITING = (
    say("Nothing is waiting for you."),
    say("One thing is waiting for you."),
    say("Two things are waiting for you."),
    say("Three things are waiting for you."),
    say("Four things are waiting for you."),
    say("Five things are waiting for you."),
    say("Six things are waiting for you."),
    say("Seven things are waiting for you."),
    say("Eight things are waiting for you."),
    say("Nine things are waiting for you."),
    say("Ten things are waiting for you."),
)


def greeting(moment: time, name: str) -> Message:
    """Good morning until noon, good afternoon until six, good evening until four at night."""
    if time(4) <= moment < time(12):
        return say("Good morning, %(name)s.", name=name)
    if time(12) <= moment < time(18):
        return say("Good afternoon, %(name)s.", name=name)
    return say("Good evening, %(name)s.", name=name)


def waiting_words(number: int) -> Message:
    """How many things wait, as a whole sentence; a word up to ten, then the number."""
    return _WAITING[number] if number < len(_WAITING) else say("%(number)s things are waiting for you.", number=number)


def is_new(start: date | None, today: date) -> bool:
    """True in somebody's first thirty days, and before them."""
    return start is not None and today - start < NEW_FOR
