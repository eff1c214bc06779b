"""The blueprint all pages of administration hang on."""

from typing import cast

from flask import Flask, current_app

from portal.kernel.web import Blueprint

bp = Blueprint("admin", __name__)


def the_app() -> Flask:
    """The application itself, for checks that open contexts of their own."""
    return cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001  documented by Flask
