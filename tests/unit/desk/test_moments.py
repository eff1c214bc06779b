"""A day and a time as somebody types them."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from portal.desk.forms.work import ComposerForm


def _form(app: Flask, typed: str) -> ComposerForm:
    with app.test_request_context():
        form = ComposerForm(formdata=MultiDict({"next_step_at": typed}), meta={"csrf": False})
        form.validate()
        return form


def test_a_moment_is_read_on_the_readers_clock(app: Flask) -> None:
    """14:30 in Berlin in winter is 13:30 UTC."""
    assert _form(app, "2026-11-26T14:30").next_step_at.instant("Europe/Berlin") == datetime(2026, 11, 26, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["0001-01-01T00:00", "9999-12-31T23:59", "2026-02-30T10:00", "soon"])
def test_what_is_no_moment_is_refused_beside_the_field(app: Flask, typed: str) -> None:
    """The ends of time have no place in a zone; they are refused like any other slip, and come back as typed."""
    field = _form(app, typed).next_step_at
    assert field.errors
    assert (field.instant("America/New_York"), field.shown()) == (None, typed)
