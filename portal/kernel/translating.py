"""Gettext for templates: one look at the reader's language per request instead of four at every sentence.

A page asks for about 250 sentences; Flask-Babel finds domain, context and language anew for each and Jinja calls it through three
functions, which together was a fifth of a page.
"""

from typing import Any

from flask import Flask, g, has_app_context
from flask_babel import Babel, Domain, get_translations
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup


def setup(app: Flask) -> None:
    """Give the templates these functions; the i18n extension must be there already."""
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]  # set by the i18n extension
    app.jinja_env.globals.update(_=gettext, gettext=gettext, ngettext=ngettext)


class Languages(Babel):  # type: ignore[misc]  # Flask-Babel ships no types
    """Babel with one catalogue for all requests; its own is read from the disk again for each."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self._kept: Domain | None = None
        super().__init__(*given, **named)

    @property
    def domain_instance(self) -> Domain:
        """Where the sentences come from, and the catalogues that were read."""
        if self._kept is None:
            self._kept = Domain(domain=self.domain)
        return self._kept


def translations() -> Any:
    """What Flask-Babel would answer, remembered beside the language it was asked in."""
    if not has_app_context():
        return get_translations()
    own = g.get("_flask_babel")
    known = getattr(own, "hearth_translations", None)
    if known is not None and known[0] is getattr(own, "babel_locale", None):
        return known[1]
    found = get_translations()
    own = g.get("_flask_babel", own)
    own.hearth_translations = (getattr(own, "babel_locale", found), found)
    return found


@pass_eval_context
def gettext(context: EvalContext, text: str, /, **values: object) -> str:
    """A sentence in the reader's language, its values escaped where the template escapes."""
    return _filled(context, translations().ugettext(text), values)


@pass_eval_context
def ngettext(context: EvalContext, one: str, many: str, number: int, /, **values: object) -> str:
    """The sentence that suits ``number``, which is also its value ``num``."""
    return _filled(context, translations().ungettext(one, many, number), {"num": number, **values})


def _filled(context: EvalContext, sentence: str, values: dict[str, object]) -> str:
    text = Markup(sentence) if context.autoescape else sentence  # noqa: S704  # our own catalogue; values are escaped by %
    return text % values if values or "%" in sentence else text
