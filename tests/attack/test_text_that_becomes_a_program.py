"""A prepared reply, a title or a name was taken for a template and worked out.

Published case class: template injection (Zammad CVE-2026-34724 and CVE-2026-84462, Frappe CVE-2026-82634, Superset CVE-2020-13948, Indico
CVE-2025-27516 and CVE-2026-33046, HumHub's Twig). Nothing of ours is a template but the files we ship; these tests hold that down
wherever text goes out again: pages, prepared replies, notices, mail, exports.
"""

import ast
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions.conversation import Reply, add_note, reply
from portal.desk.models import CannedReply, Service
from portal.kernel.db import db
from portal.kernel.messages import Message, say
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Department, Person
from tests.architecture.source import PORTAL
from tests.support.desk import DeskUser
from tests.support.doors import visitors
from tests.support.story import STORY

WORKED_OUT = "5318008"
"""What every one of the texts gives where it is worked out."""
TOKENS = (
    "{{2659004*2}}",
    "{% print(2659004*2) %}",
    "${2659004*2}",
    "#{2659004*2}",
    "<%= 2659004*2 %>",
    "*{2659004*2}",
    "{{=2659004*2}}",
    "{{'x'.__class__.__mro__}}",
    "{{config.SECRET_KEY}}",
    "{0.__class__}",
    "{person.__class__.__init__.__globals__}",
    "%(name)s",
    "%(SECRET_KEY)s %s %d %n",
    "{{ p.save() }}",
    "\\input{/etc/passwd}",
    "{{[].class.forName('x')}}",
    "__${T(java.lang.Runtime)}__",
    "{{request.application}}",
    "@{2659004*2}",
    "[[${2659004*2}]]",
)
SECRETS = ("a-key-for-tests-only", "class 'type'", "mappingproxy", "root:x:0")
"""What must never appear, whatever was worked out."""
ALL = " ".join(TOKENS)


def wrong(text: str, *tokens: str) -> list[str]:
    """Which texts did not stay as they were typed, and what leaked."""
    squeezed = " ".join(text.split())
    return [token for token in tokens if token not in squeezed] + [one for one in (WORKED_OUT, *SECRETS) if one in text]


def test_a_prepared_reply_is_text(app: Flask, world: Any) -> None:
    """Zammad CVE-2026-34724, HumHub: what a lead prepares stands in the reply, the page and the mail as it was typed."""
    priya, jonas = (visitors(app, world, (who,))[who] for who in ("priya", "jonas"))
    page = priya.get("/replies/facilities/add")
    assert page.submit("body", name="Tokens {{2659004*2}}", body=ALL).status == 200
    with app.app_context():
        number, body = db.session.execute(sa.select(CannedReply.id, CannedReply.body).order_by(CannedReply.id.desc())).first() or (0, "")
        db.session.remove()
    assert body == ALL
    for address in ("/replies/facilities", f"/replies/facilities/{number}"):
        assert WORKED_OUT not in priya.get(address).source
    form = jonas.get(f"/requests/{world.requests['radiator']}?reply={number}").form("work/reply")
    assert form.values["body"] == [ALL]


def test_a_preview_renders_nothing(app: Flask, world: Any) -> None:
    """Frappe CVE-2026-82634: what comes back beside an error, in a search, in a filter, in a promise is the text that was sent."""
    mara, jonas = (visitors(app, world, (who,))[who] for who in ("mara", "jonas"))
    for token in TOKENS:
        for visitor, address in ((mara, "/search"), (mara, "/requests/search"), (mara, "/need"), (mara, "/people"), (jonas, "/queue/facilities")):
            page = visitor.get(address, query_string={"q": token})
            assert wrong(page.source) == [], (address, token)
    answer = mara.get("/need/repair").submit("title", title="", description=ALL)
    assert (answer.status, wrong(answer.form("title").values["description"][0], *TOKENS)) == (422, [])
    assert mara.get("/link/%7B%7B2659004*2%7D%7D/x").status == 404
    assert WORKED_OUT not in mara.get("/%7B%7B2659004*2%7D%7D").source


@pytest.mark.postgres
def test_titles_names_and_words_stay_literal_on_their_way_out(app: Flask, world: Any, context: Flask, run_jobs: Any, outbox: Any) -> None:
    """Zammad CVE-2026-84462, Superset CVE-2020-13948: subjects, names, departments, notes and replies full of tokens; every mail and notice repeats them."""
    title = "Lamp {{2659004*2}} ${2659004*2} {0.__class__} %(name)s %s"
    with unit_of_work():
        db.session.execute(sa.update(Person).where(Person.id == world.mara.id).values(name="Mara %(name)s {{2659004*2}}", given_name="Mara {0.__class__}"))
        db.session.execute(sa.update(Department).where(Department.key == "facilities").values(name="Facilities {{config}} %(x)s"))
        db.session.execute(sa.update(Service).where(Service.key == "repair").values(name="Repair ${2659004*2} %(y)s", outcome="{{2659004*2}}"))
    desk = DeskUser(world)
    number = desk.file("mara", title=title, description=ALL).id
    desk.act(add_note, number, body=ALL, who="jonas")
    desk.act(reply, number, Reply(ALL, next_step="Look {{2659004*2}} %(a)s", next_step_at=STORY + timedelta(hours=5)), who="jonas")
    run_jobs(periodic=True)
    letters = outbox()
    assert any(title in letter.subject for letter in letters)
    assert [found for letter in letters for found in wrong(f"{letter.subject} {letter.text} {letter.html}")] == []
    (said,) = [letter.text for letter in letters if TOKENS[0] in letter.text and "class.forName" in letter.text][:1]
    assert wrong(said, "{{2659004*2}}", "%(name)s", "{0.__class__}") == []
    for who, address in (("mara", f"/requests/{number}"), ("mara", "/notifications"), ("jonas", f"/requests/{number}"), ("jonas", "/queue/facilities")):
        assert wrong(visitors(app, world, (who,))[who].get(address).source) == [], address


def test_a_sentence_fills_in_values_once() -> None:
    """Superset CVE-2020-13948: a value that looks like a place for a value is a value, in kept sentences, too."""
    sentence = say("%(name)s asks: %(title)s", name="%(title)s", title="%(name)s {{2659004*2}} %s {0}")
    assert str(sentence) == "%(title)s asks: %(name)s {{2659004*2}} %s {0}"
    kept = Message("%(name)s asks: %(title)s", {"name": "{0.__class__}", "title": "%(SECRET_KEY)s"})
    assert str(kept) == "{0.__class__} asks: %(SECRET_KEY)s"


def test_template_engines_get_names_of_files() -> None:
    """Indico CVE-2025-27516: no sandbox keeps a template from acting, so no text that anybody typed ever becomes one."""
    found = []
    for path in PORTAL.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and node.id in ("render_template_string", "from_string", "eval", "exec", "compile") and not _is_ours(path, node.id):
                found.append(f"{path}: {node.id}")
            if isinstance(node, ast.Attribute) and node.attr in ("from_string", "render_template_string", "compile_expression", "format_map"):
                found.append(f"{path}: {node.attr}")
    assert found == []


def _is_ours(path: Any, name: str) -> bool:
    return name == "compile" and "re" in path.read_text(encoding="utf-8")
