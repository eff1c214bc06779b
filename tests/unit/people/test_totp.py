"""Codes of an authenticator app, against the table of RFC 6238, and what counts as one."""

from base64 import b32decode
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.people import qr, totp

SEED = b"12345678901234567890"
NOW = datetime(2026, 11, 25, 9, 0, 10, tzinfo=UTC)
HERE = totp.step_at(NOW)


@pytest.mark.parametrize(
    ("second", "expected"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_the_table_of_the_standard(second: int, expected: str) -> None:
    """RFC 6238, appendix B, the last six digits."""
    assert totp.code(SEED, second // totp.PERIOD) == expected


@pytest.mark.parametrize(("step", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_phone_may_be_half_a_minute_off(step: int, counts: bool) -> None:
    """One step before and after, not two."""
    assert (totp.matching_step(SEED, totp.code(SEED, HERE + step), NOW, after=0) is not None) is counts


@given(used=st.integers(-3, 3), typed=st.integers(-3, 3))
def test_a_code_counts_once_and_none_before_it(used: int, typed: int) -> None:
    """What is as old as a used one never counts again."""
    found = totp.matching_step(SEED, totp.code(SEED, HERE + typed), NOW, after=HERE + used)
    assert found is None or (found > HERE + used and abs(found - HERE) <= totp.DRIFT)
    assert (found is not None) or typed <= used or abs(typed) > totp.DRIFT


@pytest.mark.parametrize("typed", ["", "0", "28708", "2870822", "٢٨٧٠٨٢", "abcdef", "é", "\x00" * 6])
def test_what_is_no_code_is_wrong(typed: str) -> None:
    """Signs of other alphabets break nothing."""
    assert totp.matching_step(SEED, typed, NOW, after=0) is None


def test_a_seed_belongs_to_one_person_and_one_setting_up() -> None:
    """Another key, number or person is another seed; 160 bits."""
    seeds = {totp.seed_of(key, nonce, person) for key in ("a", "b") for nonce in ("c", "d") for person in (1, 11)}
    assert (len(seeds), {len(seed) for seed in seeds}) == (8, {20})


def test_the_address_says_what_an_app_needs() -> None:
    """Company and account with all their signs, and the seed in base32; the same stands in groups of four."""
    address = urlsplit(totp.address(SEED, company="Marlow & Sons: Cycles", account="ada@marlow.example"))
    facts = parse_qs(address.query)
    assert (address.scheme, address.netloc, facts["issuer"]) == ("otpauth", "totp", ["Marlow & Sons: Cycles"])
    assert b32decode(facts["secret"][0]) == SEED == b32decode(totp.spelled(SEED).replace(" ", ""))


def test_the_picture_has_its_three_corners() -> None:
    """Runs of dark modules inside a quiet edge; the first one is the top of a finder pattern, seven wide."""
    picture = qr.drawn("otpauth://totp/Marlow:ada")
    assert picture.path.startswith("M4 4h7v1H4z")
    assert picture.path.split("z")[1].endswith("v1H" + str(picture.side - 11)) or "h7v1" in picture.path
