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
        is_page = name is not None and name.endswith(".html") and "mail" not in name.partition("/")[2].split("/")[0]
        return _INDENT.sub("\n", source) if is_page else source


def setup(app: Flask) -> None:
    """Read every page template this way."""
    app.jinja_env.add_extension(Compact)
