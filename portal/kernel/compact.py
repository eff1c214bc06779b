"""Pages without the indentation of their templates: a fifth of a long list is spaces that only help whoever edits it.

It happens once, when a template is read; line numbers stay. Mail keeps its own shape, and no page has words whose indentation counts.
"""

import re

from flask import Flask
from jinja2.ext import Extension

_INDENT = re.compile(r"\n[ \t]+")


class Compact(Extension):
    """Takes the spaces at the beginning of lines out of page templates."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The template as it is compiled."""
        is_mail = name is None or "/mail/" in name or name.startswith("_layout/mail")
        return source if is_mail or not str(name).endswith(".html") else _INDENT.sub("\n", source)


def setup(app: Flask) -> None:
    """Read every page template this way."""
    app.jinja_env.add_extension(Compact)
