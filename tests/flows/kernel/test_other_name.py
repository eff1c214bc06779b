"""The other name of this machine leads to the portal's own address, so that the content host never sees its cookies."""

from flask import Flask

PAGE = {"Accept": "text/html,application/xhtml+xml"}


def test_a_page_by_localhost_moves_to_the_base_address(app: Flask) -> None:
    """With path and search; a form that is sent and anything that is no page are left alone."""
    client = app.test_client()
    moved = client.get("/need?q=a%26b", base_url="http://localhost:8000", headers=PAGE)
    assert (moved.status_code, moved.headers["Location"]) == (302, "http://127.0.0.1:8000/need?q=a%26b")
    assert client.get("/sign-in", base_url="http://localhost:8000").status_code == 200
    assert client.post("/sign-in", base_url="http://localhost:8000", headers=PAGE).status_code != 302
    assert client.get("/sign-in", base_url="http://127.0.0.1:8000", headers=PAGE).status_code == 200
    assert client.get("/sign-in", base_url="http://localhost:9999", headers=PAGE).status_code == 200


def test_strange_names_stay_refused(app: Flask) -> None:
    """The list of trusted hosts comes first."""
    assert app.test_client().get("/sign-in", base_url="http://evil.example:8000", headers=PAGE).status_code == 400


def test_no_path_leads_elsewhere(app: Flask) -> None:
    """Two slashes are a path here, not a host."""
    moved = app.test_client().get("//evil.example/x", base_url="http://localhost:8000", headers=PAGE)
    assert moved.headers.get("Location", "http://127.0.0.1:8000/").startswith(("http://127.0.0.1:8000/", "http://localhost:8000/"))


def test_the_path_arrives_as_it_was_sent(app: Flask) -> None:
    """Signs that stand for line ends, a search or a place on the page stay part of the path."""
    for path in ("/a%0D%0AX-Evil:1", "/a%3Fb%23c%25d", "/B%C3%BCro?q=%0A"):
        moved = app.test_client().get(path, base_url="http://localhost:8000", headers=PAGE)
        assert (moved.status_code, moved.headers["Location"]) == (302, f"http://127.0.0.1:8000{path}")
