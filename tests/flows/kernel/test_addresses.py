"""Addresses are remembered, and are those that Flask would make."""

from typing import Any

import pytest
from flask import Flask, url_for
from werkzeug.routing import BuildError


def test_the_same_address_is_built_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal values are looked up, others built; numbers and texts that look alike are told apart."""
    built: list[Any] = []
    monkeypatch.setattr(app, "_addresses", {})  # what the stories before this one asked for
    plain = Flask.url_for
    monkeypatch.setattr(Flask, "url_for", lambda self, endpoint, **values: built.append((endpoint, values)) or plain(self, endpoint, **values))
    with app.test_request_context("/", base_url="http://127.0.0.1:8000"):
        for _ in range(3):
            assert url_for("desk.mine", show="done") == "/requests?show=done"
            assert url_for("desk.request_page", request_id=7) == "/requests/7"
            assert url_for("desk.mine", show=None) == "/requests"
            assert url_for("desk.mine", show="1") == url_for("desk.mine", show=1) == "/requests?show=1"
    assert len(built) == len({(endpoint, str(values)) for endpoint, values in built}) == 5


def test_a_portal_below_a_path_has_addresses_of_its_own(app: Flask) -> None:
    """What was remembered for one root is not given to another."""
    roots = ("", "/desk", "")
    found = []
    for root in roots:
        with app.test_request_context("/", base_url=f"http://127.0.0.1:8000{root}"):
            found.append(url_for("desk.mine"))
    assert found == ["/requests", "/desk/requests", "/requests"]


def test_whole_addresses_lists_and_unknown_places_go_the_long_way(app: Flask) -> None:
    """Options, several values and errors are Flask's own matter."""
    with app.test_request_context("/", base_url="http://127.0.0.1:8000"):
        assert url_for("desk.mine", _external=True) == "http://127.0.0.1:8000/requests"
        assert url_for("desk.mine", show=["a", "b"]) == "/requests?show=a&show=b"
        for _ in range(2):
            with pytest.raises(BuildError):
                url_for("desk.nowhere")


def test_memory_for_addresses_has_an_end(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who walks through a million requests does not fill it."""
    monkeypatch.setattr("portal.kernel.web.ADDRESSES", 10)
    monkeypatch.setattr(app, "_addresses", {})
    with app.test_request_context("/", base_url="http://127.0.0.1:8000"):
        for number in range(1, 50):
            assert url_for("desk.request_page", request_id=number) == f"/requests/{number}"
    assert len(app._addresses) <= 10  # type: ignore[attr-defined]
