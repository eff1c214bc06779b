"""Choices of selects."""

from collections.abc import Iterable
from typing import Any

from wtforms.fields.choices import SelectChoice


def options(pairs: Iterable[tuple[str, Any]]) -> list[SelectChoice]:
    """(value, words) as a select takes them; the words may be translated later."""
    return [SelectChoice(value, words) for value, words in pairs]
