"""Forms with limits. CSRF is checked for the whole portal before any view, so forms carry no token field of their own."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from wtforms import Field, Form, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional

LINE = 200
TEXT = 20_000

_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_STEERING = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff]")
"""Marks that turn the direction of the text around them: a name could pretend to be another."""
_UNSEEN = " \t\n\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u3000"
"""What nobody sees at the edge of a text; a text of nothing else is empty."""


def clean(text: str | None) -> str:
    """Text as we store it: composed characters, line feeds only, no control characters, no steering marks, no outer space."""
    if not text:
        return ""
    text = _CONTROL.sub("", _BREAKS.sub("\n", unicodedata.normalize("NFC", text)))
    return _STEERING.sub("", text).strip(_UNSEEN)


def clean_line(text: str | None) -> str:
    """Like :func:`clean`, on one line with single spaces."""
    return " ".join(clean(text).split())


class PortalForm(FlaskForm):
    """Base of forms that change something."""

    class Meta(FlaskForm.Meta):
        """No token of its own: the portal checks every unsafe request."""

        csrf = False

    def problems(self) -> list[tuple[str, str, str]]:
        """Field id, label and first complaint of every field that needs another look, in the order of the form."""
        return [(f.id, str(f.label.text), _first(f.errors)) for f in self if f.errors]

    def summary(self) -> str:
        """The heading over the list of problems."""
        return str(ngettext("%(num)d answer needs another look. Nothing is lost.", "%(num)d answers need another look. Nothing is lost.", len(self.problems())))

    def complain(self, field: str | None, text: str) -> None:
        """Put a rule's refusal beside the field it belongs to."""
        target: Field = self[field] if field and field in self else next(iter(self))
        target.errors = [*target.errors, text]


def _first(errors: Sequence[Any]) -> str:
    while errors and isinstance(errors[0], (list, tuple)):
        errors = errors[0]
    return str(errors[0]) if errors else ""


class FilterForm(Form):
    """A form over the query string: what it holds is the address, and what is wrong in it is left out."""

    @classmethod
    def from_address(cls) -> "FilterForm":
        """Bind to the current query string and drop what does not fit."""
        form = cls(request.args)
        if not form.validate():
            for field in form:
                if field.errors:
                    field.process(None)
        return form


def required(text: Any = None) -> DataRequired:
    """An answer is needed; ``text`` says which."""
    return DataRequired(message=text or _l("Please fill this in."))


def optional() -> Optional:
    """An empty answer is fine."""
    return Optional()


def at_most(limit: int) -> Length:
    """Longer than ``limit`` characters is refused with the limit in words."""
    return Length(max=limit, message=_l("This is longer than %(limit)d characters. Shorten it a little, nothing is lost.", limit=limit))


def at_least(limit: int, text: Any) -> Length:
    """Shorter than ``limit`` characters is refused with ``text``."""
    return Length(min=limit, message=text)


def line(label: Any, *validators: Any, limit: int = LINE, **kwargs: Any) -> StringField:
    """A field for one line of text."""
    return StringField(label, validators=[*validators, at_most(limit)], filters=[clean_line], **kwargs)


def paragraph(label: Any, *validators: Any, limit: int = TEXT, **kwargs: Any) -> TextAreaField:
    """A field for running text."""
    return TextAreaField(label, validators=[*validators, at_most(limit)], filters=[clean], **kwargs)


def int_or_none(text: Any) -> int | None:
    """A coerce for selects of ids: empty means nothing chosen; what is no id never matches a choice."""
    if text in (None, "", "None"):
        return None
    return int(str(text)) if re.fullmatch(r"\d{1,18}", str(text)) else -1


Coerce = Callable[[Any], Any]
