"""Names in a team note: "@Jonas Lindqvist", "@jonas.lindqvist" or "@Jonas", and who is meant. Pure.

What stands between back quotes is no name, and neither is an address ("kim@meridian.example").
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal.kernel.errors import Refusal
from portal.kernel.messages import Message, say
from portal.people.rules import folded, sort_name

LIMIT = 10
"""People one note may name."""
WORDS = 5
"""Words of the longest name."""
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_AT = re.compile(r"(?<![\w@./+-])@(?=[^\W\d_])")
_WORD = re.compile(r"[^\W_]+(?:(?:['’](?!s\b)|[.\-])[^\W_]+)*")
_NUMBER = re.compile(r" \(([\w-]{1,40})\)")


@dataclass(frozen=True)
class Typed:
    """An "@" in a text: where it stands, and (phrase, where it ends, staff number behind it) from the longest to the single word."""

    start: int
    phrases: Sequence[tuple[str, int, str]]

    @property
    def word(self) -> str:
        """The first word, for sentences about it."""
        return self.phrases[-1][0]


@dataclass(frozen=True)
class Colleague:
    """Somebody who may be meant; ``reads`` is true for those who read the notes of the request."""

    id: int
    name: str
    given: str
    staff_number: str
    email: str
    reads: bool

    def is_called(self, phrase: str) -> bool:
        """True for the whole name, the name with dots, the local part of the address; among those who read notes also the first name."""
        said, whole = folded(phrase), folded(self.name)
        if said in (whole, whole.replace(" ", "."), self.email.partition("@")[0].casefold()):
            return True
        words = whole.split()
        if said == f"{words[0]}.{words[-1]}":
            return True
        return self.reads and said == (folded(self.given) or words[0])


@dataclass(frozen=True)
class Named:
    """Who is named, and the words of the text that do it, "@" included."""

    person_id: int
    written: str


def typed_in(text: str) -> list[Typed]:
    """Every name somebody tried to write, in order."""
    bare = _CODE.sub(lambda found: " " * len(found.group()), text)
    return [Typed(found.start(), _phrases(bare, found.end())) for found in _AT.finditer(bare)]


def _phrases(text: str, start: int) -> list[tuple[str, int, str]]:
    found: list[tuple[str, int, str]] = []
    end = start
    while len(found) < WORDS and (word := _WORD.match(text, end if not found else end + 1)):
        end = word.end()
        number = _NUMBER.match(text, end)
        found.insert(0, (text[start:end], number.end() if number else end, number.group(1) if number else ""))
        if text[end : end + 1] != " ":
            break
    return found


def sort_names(typed: Iterable[Typed]) -> set[str]:
    """The sort names under which somebody with one of the phrases as a name is found."""
    phrases = {phrase for one in typed for phrase, _, _ in one.phrases}
    return {sort_name(phrase) for phrase in phrases} | {sort_name(phrase.replace(".", " ")) for phrase in phrases if "." in phrase}


def numbers(typed: Iterable[Typed]) -> set[str]:
    """Staff numbers that stand behind names."""
    return {number for one in typed for _, _, number in one.phrases if number}


def local_parts(typed: Iterable[Typed]) -> set[str]:
    """What may be the beginning of an address: single words with a dot in them."""
    return {one.word.casefold() for one in typed if "." in one.word}


def who_is_named(text: str, typed: Sequence[Typed], colleagues: Sequence[Colleague], department: str, number: int) -> list[Named]:
    """Everybody the text names, each once; Refusal beside the note for a name of nobody, of several, of somebody who does not read it."""
    found: dict[int, Named] = {}
    for one in typed:
        colleague, end = _meant(one, colleagues)
        if not colleague.reads:
            sentence = say(
                "%(name)s does not answer requests of %(department)s and cannot read this note. Call them, or hand %(number)s over. To keep the "
                "“@” as it is, put the name between `back quotes`.",
                name=colleague.name,
                department=department,
                number=number,
            )
            raise Refusal(sentence, field="note")
        found.setdefault(colleague.id, Named(colleague.id, text[one.start : end]))
    if len(found) > LIMIT:
        raise Refusal(say("A note can name %(limit)s people. Leave some out.", limit=LIMIT), field="note")
    return list(found.values())


def _meant(one: Typed, colleagues: Sequence[Colleague]) -> tuple[Colleague, int]:
    for phrase, end, number in one.phrases:
        called = [colleague for colleague in colleagues if colleague.is_called(phrase)]
        if number:
            called = [colleague for colleague in called if colleague.staff_number == number]
        near = [colleague for colleague in called if colleague.reads]
        if len(near) == 1 or len(called) == 1:
            return (near or called)[0], end
        if called:
            raise Refusal(_several(phrase, called), field="note")
    raise Refusal(
        say(
            "We found nobody called %(name)s. Write the whole name, such as @Jonas Lindqvist, or put what is no name between `back quotes`.",
            name=f"@{one.word}",
        ),
        field="note",
    )


def _several(phrase: str, called: Sequence[Colleague]) -> Message:
    names = ", ".join(f"@{colleague.name} ({colleague.staff_number})" for colleague in called[:3])
    return say("More than one person is called %(name)s. Write one of these: %(names)s.", name=f"@{phrase}", names=names)
