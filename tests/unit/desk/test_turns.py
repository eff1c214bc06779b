"""Who gets the next request: fair by turn, light by work, never somebody who is away."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.desk.turns import Candidate, Way, choose, stepped
from tests.support.story import STORY

PEOPLE = st.lists(
    st.builds(
        Candidate, st.integers(1, 40), st.integers(0, 9000), st.integers(1, 10), st.integers(0, 30), st.none() | st.integers(1, 30), is_here=st.booleans()
    ),
    max_size=8,
    unique_by=lambda one: one.person_id,
)


def round_of(people: list[Candidate], turns: int) -> Counter[int]:
    """How often each was chosen in so many turns, each step kept as the portal keeps it."""
    here, floor, had = {one.person_id: one for one in people}, 0, Counter[int]()
    for number in range(turns):
        one = choose(list(here.values()), Way.TURN, floor)
        assert one is not None
        had[one.person_id] += 1
        here[one.person_id] = replace(one, place=stepped(one, floor), last_at=STORY + timedelta(minutes=number))
        floor = max(floor, one.place)
    return had


@given(PEOPLE, st.sampled_from(Way), st.integers(0, 9000))
def test_nobody_who_is_away_or_full_is_chosen(people: list[Candidate], way: Way, floor: int) -> None:
    """And somebody is whenever somebody can; by hand nobody ever."""
    chosen = choose(people, way, floor)
    able = [one for one in people if one.is_here and (one.cap is None or one.open < one.cap)]
    assert (chosen in able) if able and way is not Way.HAND else chosen is None


@given(st.integers(1, 8), st.integers(0, 60))
def test_turns_are_fair_within_one(number: int, turns: int) -> None:
    """Whenever the round is stopped."""
    had = round_of([Candidate(person) for person in range(1, number + 1)], turns)
    counts = [had[person] for person in range(1, number + 1)]
    assert max(counts) - min(counts) <= 1


@given(st.lists(st.integers(1, 10), min_size=1, max_size=6), st.integers(1, 3))
def test_shares_are_kept_over_every_round(weights: list[int], rounds: int) -> None:
    """Two shares are two turns, whoever else is there."""
    had = round_of([Candidate(person, weight=weight) for person, weight in enumerate(weights, 1)], rounds * sum(weights))
    assert had == {person: rounds * weight for person, weight in enumerate(weights, 1)}


@given(PEOPLE)
def test_the_least_work_is_the_least_for_their_share(people: list[Candidate]) -> None:
    """Ties go to whoever waited longest."""
    chosen = choose(people, Way.LEAST)
    if chosen is not None:
        assert all(chosen.open / chosen.weight <= one.open / one.weight for one in people if one.can_take)


def test_whoever_waited_longest_wins_a_tie() -> None:
    """Never before counts as longest."""
    early, late, never = (Candidate(person, last_at=at) for person, at in ((1, STORY - timedelta(days=2)), (2, STORY), (3, None)))
    assert choose([late, early], Way.LEAST) == early
    assert choose([late, early, never], Way.LEAST) == never


def test_who_comes_back_does_not_get_the_backlog() -> None:
    """Kim was away for a hundred turns: one turn, then the others again."""
    kim, ola = Candidate(1, place=0), Candidate(2, place=100 * 2520)
    floor = 99 * 2520
    first = choose([kim, ola], Way.TURN, floor)
    assert first == kim
    assert stepped(kim, floor) == 100 * 2520
