"""The reader of pages that flows stand on: forms as a browser would send them."""

from flask import Flask, request

from tests.support.client import Visitor

FORM = """<!doctype html><title>A form, Hearth</title><h1>Ask</h1><p>Warm &amp; dry</p><script>var hidden = 1</script>
<a href="/?q=1">Look <b>here</b></a>
<form action="/" method="post" id="ask">
  <input type="hidden" name="csrf_token" value="t"><input name="title" value="old"><input type="checkbox" name="call" value="yes" checked>
  <input type="radio" name="how" value="a"><input type="radio" name="how" value="b" checked>
  <select name="place"><option value="">Choose</option><option value="2" selected>Mill Road</option></select>
  <select name="many" multiple><option value="1">One</option></select><textarea name="words">
two
lines</textarea><input name="off" disabled value="x">
  <button type="submit" name="act" value="send">Ask Facilities</button><button type="button" name="no">No</button>
</form><input name="outside" form="ask" value="also"><form method="get" action="/search"><input name="q"></form>"""


def portal() -> Flask:
    """An application that shows the form and tells what was sent."""
    app = Flask("forms")

    @app.route("/", methods=["GET", "POST"])
    def page() -> str:
        sent = "; ".join(f"{name}={','.join(values)}" for name, values in sorted(request.form.lists()))
        return f"<p>{sent}</p>" if request.method == "POST" else FORM

    return app


def test_words_are_read_as_a_person_reads_them() -> None:
    """Title, heading, text without scripts, links with all their words."""
    page = Visitor(portal()).get("/")
    assert (page.title, page.heading) == ("A form, Hearth", "Ask")
    assert "Warm & dry" in page
    assert "hidden" not in page
    assert page.link("Look here").href == "/?q=1"


def test_a_form_is_sent_as_it_stands() -> None:
    """Untouched fields travel as they are, buttons only when pressed, disabled fields never."""
    page = Visitor(portal()).get("/").submit("title", title="new")
    assert "act=send; call=yes; csrf_token=t; how=b; outside=also; place=2; title=new; words=two lines" in page


def test_boxes_can_be_cleared_and_choices_made() -> None:
    """False clears a box, a list picks several."""
    page = Visitor(portal()).get("/").submit("title", call=False, many=["1"], how="a")
    assert "call" not in page
    assert "many=1" in page
    assert "how=a" in page
