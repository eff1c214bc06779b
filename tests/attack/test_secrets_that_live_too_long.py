"""A link worked twice, for ever, or for something else; a session lived on after it should have ended; a step at the door could be left out.

Published case classes: weak or eternal secrets (FreeScout: invitations without end, empty ones accepted; Moodle CVE-2015-5267; Redash
CVE-2021-41192 and Superset: default keys; Formbricks CVE-2025-59934: tokens that were only decoded) and sessions (listmonk CVE-2026-34828,
Ghost CVE-2026-22594).
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel import clock as portal_clock
from portal.kernel import reply_address, return_address, sessions, submissions, tokens
from portal.kernel.db import db
from portal.kernel.settings import SettingsError
from portal.kernel.unit_of_work import unit_of_work
from portal.people import passwords
from portal.people.actions import accounts
from portal.people.models import Credential, Person
from tests.attack.test_functions_without_a_check import RULE, token_of
from tests.flows.people.test_second_factor import set_up, shown
from tests.flows.people.test_signing_in import is_in, knock
from tests.support.client import Visitor
from tests.support.doors import Canaries, doors, visitors
from tests.support.signing_in import new_session
from tests.support.stages import make_settings
from tests.support.world import PASSWORD

NEW = "kohlrabi spoon telescope"
NOTHING = ("", "0", "null", "None", "[]", "{}", "%00", "undefined", "true", "a" * 43, "A" * 300, "../password/x", "eyJhbGciOiJub25lIn0.eyJzdWIiOiI1In0.")


@pytest.fixture
def link(app: Flask, world: Any) -> Callable[..., str]:
    """The path of a link that was just mailed to Mara, or somebody else."""

    def make(purpose: str, who: str = "mara") -> str:
        with app.app_context():
            with unit_of_work():
                address = accounts.make_link(world.people[who].id, purpose, portal_clock.now())  # type: ignore[arg-type]  # one of the purposes
            db.session.remove()
        return "/" + address.split("/", 3)[3]

    return make


def use(app: Flask, path: str) -> bool:
    """Open a link in a browser of one's own and press the button; whether one is in."""
    visitor = Visitor(app)
    page = visitor.get(path)
    if page.status == 200 and page.path == "/sign-in/continue":
        form = page.form("continue") if any("continue" in form.action for form in page.forms) else page.form()
        visitor.submit(page, form, **({"password": NEW} if "password" in form.names else {}))
    return is_in(visitor)


# -- an inventory of tokens ---------------------------------------------------------------------------------------------


def test_every_secret_is_long_and_none_follows_from_another(app: Flask, world: Any, context: Flask) -> None:
    """Moodle CVE-2015-5267: made in the same second for the same person, all differ, and hold 128 random bits; typed ones 80, and are counted."""
    made = {
        "links and sessions": ([tokens.new()[0] for _ in range(300)], 6, 128),
        "keys of forms": ([submissions.new_key() for _ in range(300)], 4, 128),
        "recovery codes": ([tokens.typeable() for _ in range(300)], 5, 80),
    }
    for name, (plain, bits, least) in made.items():
        assert len(set(plain)) == 300, name
        assert min(map(len, plain)) * bits >= least, name
        # No place of it is the same in all, and no letter stands in more than a fifth: nothing is a counter or a clock.
        assert all(len({one[place] for one in plain}) > 8 for place in range(min(map(len, plain)) - 1)), name
    number, mara = world.requests["radiator"], world.mara.id
    answers = reply_address.token("desk.request", number, mara)
    assert len(answers) * 5 - 80 >= 88, "the signed part of an address for answers"
    assert reply_address.token("desk.request", number, world.sam.id)[16:] != answers[16:]
    assert return_address.token(1)[7:] != return_address.token(2)[7:]


def test_no_secret_stands_in_the_database(app: Flask, world: Any, link: Any) -> None:
    """FreeScout 2026: links, sessions, passwords, recovery codes and seeds are stored as digests at most; whoever reads a backup has nothing."""
    secrets = {purpose: link(purpose).rpartition("/")[2] for purpose in ("sign-in", "welcome", "password")}
    secrets["session"], secrets["typed password"] = new_session(app, world.mara.id), PASSWORD
    ada = visitors(app, world, ("ada",))["ada"]
    seed, codes = set_up(ada)
    secrets |= {"recovery code": codes[0], "recovery code as one": codes[0].replace("-", ""), "seed": base64.b32encode(seed).decode().rstrip("=")}
    secrets |= {"seed in hex": seed.hex(), "key of the portal": str(app.secret_key)}
    found = []
    with app.app_context():
        for table in db.metadata.sorted_tables:
            text = repr([tuple(row) for row in db.session.execute(sa.select(table))]).lower()
            found += [f"{name} in {table.name}" for name, plain in secrets.items() if plain.lower() in text]
        db.session.remove()
    assert found == []


@pytest.mark.parametrize("purpose", ["sign-in", "password", "welcome"])
def test_nothing_and_everything_else_is_no_link(app: Flask, world: Any, link: Any, purpose: str) -> None:
    """FreeScout: an empty invitation was accepted; Formbricks CVE-2025-59934: a token was only decoded. Nor does one kind do another's work."""
    for text in NOTHING:
        assert not use(app, f"/link/{purpose}/{text}"), text
    for other in {"sign-in", "password", "welcome"} - {purpose}:
        assert not use(app, link(other).replace(f"/link/{other}/", f"/link/{purpose}/")), other
    for odd in ("people.sign-in", "code", "SIGN-IN", "reset", ""):
        assert not use(app, link("sign-in").replace("/link/sign-in/", f"/link/{odd}/")), odd
    assert use(app, link(purpose)), "success beside refusal"


@pytest.mark.parametrize("after", ["use", "a day", "a newer one", "a new password", "a new address", "leaving", "a digest"])
def test_a_link_dies(app: Flask, world: Any, link: Any, clock: Any, after: str) -> None:
    """FreeScout: invitations lived for ever. Used, old, replaced, overtaken by a new password or address, or of a leaver; what is stored is no key."""
    path = link("sign-in")
    if after == "use":
        assert use(app, path)
    elif after == "a day":
        clock.advance(days=1)
    elif after == "a newer one":
        link("sign-in")
    elif after == "a new password":
        assert use(app, link("password"))
    elif after == "a digest":
        path = f"/link/sign-in/{tokens.digest(path.rpartition('/')[2])}"
    else:
        elena = visitors(app, world, ("elena",))["elena"]
        place = "/administration/people/MC-0123"
        if after == "leaving":
            elena.post(f"{place}/leave", {"csrf_token": token_of(elena)})
        else:
            elena.get(f"{place}/edit").submit("staff_number", email="mara.new@marlow.example")
    assert not use(app, path)


@pytest.mark.parametrize(
    "key",
    ["CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET", "please-change-this-key-in-production", "a" * 64, "0123456701234567012345670123456701234567", "secret", "hearth"],
)
def test_a_key_that_everybody_knows_starts_nothing(tmp_path: Path, key: str) -> None:
    """Superset's default key, Redash CVE-2021-41192: whoever knows it signs in as anybody, so the portal does not start with it."""
    with pytest.raises(SettingsError, match="secret_key"):
        make_settings(tmp_path, "", secret_key=key)


def test_a_key_of_ones_own_is_made_where_none_is_given(tmp_path: Path) -> None:
    """Redash CVE-2021-41192: two portals never have the same key, and only the owner of the file reads it."""
    from portal.app import create_app
    from tests.support.stages import close

    keys, modes = set(), set()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        app = create_app(make_settings(folder, f"sqlite:///{folder}/x.db", secret_key=""))
        keys.add(str(app.secret_key))
        modes |= {oct(path.stat().st_mode & 0o777) for path in folder.rglob("*key*") if path.is_file()}
        close(app)
    assert len(keys) == 2
    assert min(map(len, keys)) >= 32
    assert modes == {"0o600"}


# -- sessions -----------------------------------------------------------------------------------------------------------


def _by_link(app: Flask, world: Any, link: Any) -> None:
    assert use(app, link("password", "sam"))


def _signs_out_everywhere(app: Flask, world: Any, link: Any) -> None:
    sam = visitors(app, world, ("sam",))["sam"]
    sam.post("/account/devices/end", {"csrf_token": token_of(sam)})


def _keeper(path: str, **values: str) -> Callable[..., None]:
    def send(app: Flask, world: Any, link: Any) -> None:
        ada = visitors(app, world, ("ada",))["ada"]
        answer = ada.post(f"/administration/people/{world.sam.staff_number}/{path}", {"csrf_token": token_of(ada)} | values, follow_redirects=False)
        assert answer.status == 303, answer

    return send


def _new_address(app: Flask, world: Any, link: Any) -> None:
    visitors(app, world, ("ada",))["ada"].get(f"/administration/people/{world.sam.staff_number}/edit").submit("staff_number", email="sam.new@marlow.example")


def _factor(app: Flask, world: Any, link: Any) -> None:
    set_up(visitors(app, world, ("sam",))["sam"])


ENDINGS: dict[str, Callable[..., None]] = {
    "a new password by link": _by_link,
    "signing out everywhere": _signs_out_everywhere,
    "a new role": _keeper("roles", role="auditor"),
    "leaving": _keeper("leave"),
    "a lost laptop": _keeper("sign-out"),
    "a new address": _new_address,
    "a second factor": _factor,
}


@pytest.mark.parametrize("what", ENDINGS)
def test_of_five_sessions_none_lives_on(app: Flask, world: Any, link: Any, what: str) -> None:
    """listmonk CVE-2026-34828: sessions lived on after the password was new. Five browsers of Sam are open; the next request of each is a stranger's."""
    five = [visitors(app, world, ("sam",))["sam"] for _ in range(5)]
    assert [is_in(one) for one in five] == [True] * 5
    ENDINGS[what](app, world, link)
    assert [is_in(one) for one in five] == [False] * 5


def test_a_role_that_ends_ends_its_sessions(app: Flask, world: Any) -> None:
    """Discourse CVE-2025-49845: the grant of Sam's role is taken back; five open browsers have to come in anew."""
    from portal.people.models import RoleGrant

    five, ada = [visitors(app, world, ("sam",))["sam"] for _ in range(5)], visitors(app, world, ("ada",))["ada"]
    with app.app_context():
        grant = db.session.scalars(sa.select(RoleGrant.id).where(RoleGrant.person_id == world.sam.id)).one()
        db.session.remove()
    assert ada.post(f"/administration/roles/{grant}/end", {"csrf_token": token_of(ada)}, follow_redirects=False).status == 303
    assert [is_in(one) for one in five] == [False] * 5


def test_a_session_row_is_no_cookie(app: Flask, world: Any) -> None:
    """Flask's own sessions live in the cookie: here the digest of a row, another person's number or a forged cookie opens nothing."""
    token = new_session(app, world.ada.id)
    for held in (tokens.digest(token), str(world.ada.id), "1", f"{token}x", token[:-1], "", None, [token], {"id": token}):
        visitor = Visitor(app)
        with visitor.client.session_transaction(base_url=visitor.base) as page_session:
            page_session["_user_id"], page_session["_fresh"], page_session["person_id"] = held, True, world.ada.id
        assert visitor.get("/requests", follow_redirects=False).status == 303, held
    with app.app_context():
        assert sessions.find(token, portal_clock.now()) is not None
        db.session.remove()


def test_no_door_leads_past_the_code(app: Flask, canaries: Canaries, clock: Any, dump: Any) -> None:
    """Ghost CVE-2026-22594: the password was right and the code is missing; every address there is, read or sent, is closed and changes nothing."""
    world = canaries.world
    key, _codes = set_up(visitors(app, world, ("ada",))["ada"])
    clock.advance(seconds=31)
    half = Visitor(app)
    asked = knock(half, world.ada.email)
    assert "And now the code" in asked
    token, before, wrong = asked.form("code").values["csrf_token"][0], dump(), list[str]()
    for unsafe in (False, True):
        for door in doors(app, canaries, unsafe=unsafe):
            if unsafe and RULE[door.endpoint] == "everybody":
                continue
            page = half.post(door.path, {"csrf_token": token}, follow_redirects=False) if unsafe else half.get(door.path, follow_redirects=False)
            if canaries.leaks(page.response.get_data(as_text=True), "") or page.status not in (200, 303, 404, 410):
                wrong.append(f"{door}: {page.status}")
    assert wrong == []
    assert before.changes() == {}
    for text in ("", "000000", " ", "null", "0", "[]", "-1"):
        half.post("/sign-in/code", {"csrf_token": token, "code": text, "next": "/people", "_fresh": "1", "verified": "1"})
        assert not is_in(half), text
    clock.advance(minutes=5)
    knock(half, world.ada.email).submit("code", code=shown(key))
    assert is_in(half)


def test_a_hash_of_nothing_matches_nothing(app: Flask, world: Any) -> None:
    """FreeScout: an empty hash was a match. An account without a password, an empty one, and stored text that is no hash let nobody in."""
    for stored in ("", "x", "plain:" + PASSWORD, PASSWORD, "$argon2id$v=19$m=8,t=1,p=1$$", json.dumps(None)):
        with app.app_context():
            with unit_of_work():
                db.session.execute(sa.update(Credential).where(Credential.person_id == world.sam.id).values(password=stored))
            db.session.remove()
        for typed in ("", stored, PASSWORD, "\x00"):
            visitor = Visitor(app)
            knock(visitor, world.sam.staff_number, typed)
            assert not is_in(visitor), (stored, typed)
    assert passwords.hasher().verify("", None) is False
    with app.app_context():
        assert db.session.get(Person, world.sam.id) is not None
        db.session.remove()
