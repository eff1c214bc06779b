"""Sentences that pure code hands on untranslated: an id (the English text) with its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.kernel.translating import translations


@dataclass(frozen=True)
class Message:
    """One sentence for a person; ``plural`` is used when ``params['num']`` is not one."""

    text: str
    params: Mapping[str, object] = field(default_factory=dict)
    plural: str | None = None

    def __str__(self) -> str:
        return self.translated()

    def translated(self) -> str:
        """The sentence in the reader's language; call it only at the edge."""
        if self.plural is None:
            return str(translations().ugettext(self.text)) % self.params if self.params else str(translations().ugettext(self.text))
        number = int(str(self.params["num"]))
        return str(translations().ungettext(self.text, self.plural, number)) % {**self.params, "num": number}


def say(text: str, **params: object) -> Message:
    """Mark a sentence for translation and keep its parameters (an extraction keyword of Babel)."""
    return Message(text, params)


def say_n(text: str, plural: str, num: int, **params: object) -> Message:
    """Like :func:`say` with a plural form decided by ``num``."""
    return Message(text, {"num": num, **params}, plural)
