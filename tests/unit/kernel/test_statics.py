"""Files of the program: an address that names the release, and icons that are really there."""

from pathlib import Path

import pytest
from flask import Flask

from portal.kernel import statics
from portal.kernel.places import find_places


def test_a_release_is_named_by_its_content(tmp_path: Path) -> None:
    """Any change of name or content is another address, so browsers may keep files for ever."""
    (tmp_path / "css").mkdir()
    file = tmp_path / "css" / "a.css"
    names = set()
    for content, place in (("a", file), ("b", file), ("b", tmp_path / "css" / "c.css")):
        file.unlink(missing_ok=True)
        place.write_text(content)
        statics.release.cache_clear()
        names.add(statics.release(tmp_path))
    assert len(names) == 3
    assert all(len(name) == 10 for name in names)


def test_an_icon_is_drawn_into_the_page() -> None:
    """Silent for screen readers; a name nobody drew is found by a test and not by a reader."""
    drawn = str(statics.icon("search", 15))
    assert drawn.startswith('<svg class="ic ic-15" viewBox="0 0 24 24" aria-hidden="true">')
    with pytest.raises(KeyError):
        statics.icon("no such icon")


def test_the_program_finds_what_came_with_it(app: Flask) -> None:
    """Templates, files and migrations beside the package or inside it."""
    places = find_places()
    assert (places.templates / "_layout" / "base.html").is_file()
    assert (places.migrations / "env.py").is_file()
    with app.test_request_context():
        assert app.url_for("static", filename="css/hearth.css") == f"/static/{statics.release(places.static)}/css/hearth.css"


def test_an_incomplete_copy_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Instead of pages without style."""
    monkeypatch.setattr("portal.kernel.places.PACKAGE", tmp_path / "portal")
    with pytest.raises(RuntimeError, match="install it again"):
        find_places()
