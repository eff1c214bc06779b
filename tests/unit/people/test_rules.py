"""Rules of people: names, words, trees, delays, devices."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.people import rules


@pytest.mark.parametrize(
    ("typed", "plain"), [("Müller", "muller"), ("  Søren   ØRE ", "soren ore"), ("Łukasz Żak", "lukasz zak"), ("Straße", "strasse"), ("Zoë", "zoe"), ("", "")]
)
def test_accents_do_not_hide_anybody(typed: str, plain: str) -> None:
    """People are found whatever keyboard the searcher has."""
    assert rules.folded(typed) == plain


def test_names_are_sorted_by_the_last_word() -> None:
    """Okafor stands under O."""
    assert rules.sort_name("Mara Okafor") == "okafor mara"
    assert rules.sort_name("Björk") == "bjork"
    assert len(rules.sort_name("x" * 400)) <= 160


def test_search_text_finds_the_start_of_each_word() -> None:
    """Each word stands once, with a space before it."""
    text = rules.search_text("Mara Okafor", "photo shoots, returns wording", "Mara")
    assert text == " mara okafor photo shoots returns wording"


@pytest.mark.parametrize("address", ["mara@marlow.example", "m.o+x@a.b", "o'neill@example.com"])
def test_addresses_we_take(address: str) -> None:
    """Ordinary addresses, plus signs and apostrophes included."""
    assert rules.is_address(address)


@pytest.mark.parametrize("address", ["", "mara", "mara@", "@x.de", "a b@x.de", "a@x.de\nBcc: b@y.de", "a@b@c.de", "x" * 65 + "@a.de", "a@" + "b" * 260])
def test_addresses_we_do_not_take(address: str) -> None:
    """What cannot be an address, and what would smuggle a header into a mail."""
    assert not rules.is_address(address)


@pytest.mark.parametrize(("failures", "minutes"), [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (8, 8), (9, 15), (10, 15), (99, 15)])
def test_the_door_waits_longer_after_each_wrong_password(failures: int, minutes: int) -> None:
    """Five tries are free, then one, two, four, eight and at most fifteen minutes."""
    assert rules.delay(failures) == (timedelta(minutes=minutes) if minutes else None)


def test_the_last_day_ends_at_midnight_where_the_person_is() -> None:
    """At 23:30 in New York on the last day it is next day in Berlin, and Lars still works."""
    late = datetime(2026, 11, 25, 4, 30, tzinfo=UTC)
    last = date(2026, 11, 24)
    assert not rules.has_left(is_active=True, end_date=last, today=rules.today_in("America/New_York", late))
    assert rules.has_left(is_active=True, end_date=last, today=rules.today_in("Europe/Berlin", late))
    assert rules.has_left(is_active=False, end_date=None, today=last)


def test_no_department_hangs_below_itself() -> None:
    """Directly, through others, or through a circle that exists already."""
    parents = {1: None, 2: 1, 3: 2, 8: 9, 9: 8}
    assert rules.closes_cycle(1, 3, parents)
    assert rules.closes_cycle(2, 2, parents)
    assert not rules.closes_cycle(3, 1, parents)
    assert not rules.closes_cycle(3, None, parents)
    assert not rules.closes_cycle(1, 8, parents)


def test_circles_of_managers_are_found_without_those_who_only_lead_into_them() -> None:
    """A reports to B, B to C, C to B: B and C are on the circle, A is not."""
    assert rules.cyclic({"A": "B", "B": "C", "C": "B", "D": None, "E": "E", "F": "nobody"}) == {"B", "C", "E"}


@given(st.dictionaries(st.integers(0, 30).map(str), st.one_of(st.none(), st.integers(0, 30).map(str)), max_size=31))
def test_a_circle_is_what_leads_back_to_itself(links: dict[str, str | None]) -> None:
    """The quick answer equals following every link."""

    def comes_back(start: str) -> bool:
        at = links.get(start)
        for _ in range(len(links) + 1):
            if at == start:
                return True
            if at is None:
                return False
            at = links.get(at)
        return False

    assert rules.cyclic(links) == {key for key in links if comes_back(key)}


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8", "A browser"),
        ("<script>alert(1)</script>", "A browser"),
    ],
)
def test_devices_have_names_people_know(agent: str, words: str) -> None:
    """Only words of ours are shown, never what a browser sends."""
    assert rules.device_words(agent) == words


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("what", "unknown"),
    ],
)
def test_tries_are_counted_by_address_block(address: str, block: str) -> None:
    """Of IPv6 somebody owns at least 64 bits."""
    assert rules.address_block(address) == block


@pytest.mark.parametrize(
    ("name", "known"), [("Europe/Berlin", True), ("UTC", True), ("", False), ("Mars/Base", False), ("../etc/passwd", False), ("x" * 80, False)]
)
def test_zones(name: str, known: bool) -> None:
    """Names of the tz database and nothing that looks like a path."""
    assert rules.is_zone(name) is known
