"""Figures as tables: one shape for the page, the drawing beside it and the file. A cell knows its words, its value and its rows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from portal.desk import words
from portal.desk.figure_periods import DRAWN_BY_MONTH, Span
from portal.desk.figure_words import MEANINGS, Meaning
from portal.desk.figures import Sums
from portal.desk.queries import backlog as backlog_read
from portal.desk.queries import figures as read
from portal.desk.routes._queue_words import priority_words
from portal.desk.rules import ORDER
from portal.kernel import times

Rows = Callable[..., str | None]
"""Makes the address of the rows behind a number: measure, and the part of it; None for who may not see rows."""
CLOCKS = ("first_response", "resolution", "promise")


@dataclass(frozen=True)
class Cell:
    """A number in words, with its plain value for drawings and files, the address of its rows, and a note below."""

    text: str
    value: float | str | None = None
    url: str | None = None
    note: str = ""
    percent: int | None = None
    arrow: str = ""
    is_head: bool = False
    meaning: Meaning | None = None
    short: str = ""


@dataclass(frozen=True)
class Table:
    """A table with its key in addresses, its title, and the words of its columns; ``lines`` to be drawn: "lines" or "bars"."""

    key: str
    title: str
    head: list[str]
    rows: list[list[Cell]]
    drawing: str = ""
    unit: str = ""
    finding: str = ""
    note: str = ""
    meaning: Meaning | None = None
    numbers: list[int] = field(default_factory=list)


def head(text: str, meaning: Meaning | None = None, url: str | None = None, value: str | None = None) -> Cell:
    """The first cell of a row."""
    return Cell(text, value or text, url, is_head=True, meaning=meaning)


def number(n: int, url: str | None = None, note: str = "") -> Cell:
    """A whole number; zero has no rows to go to."""
    return Cell(format_decimal(n), n, url if n else None, note)


def share(found: read.Kept, url: str | None = None) -> Cell:
    """A share on time, as a bar and in words."""
    if found.percent is None:
        return Cell(_("nothing due"), None)
    return Cell(_("%(percent)s%%", percent=found.percent), found.percent, url, percent=found.percent)


def length(found: timedelta | None, *, wall: bool = False) -> Cell:
    """A time: working time in working days, or on the wall."""
    if found is None:
        return Cell("–", None)
    return Cell(times.duration(found) if wall else words.working_time(found), round(found.total_seconds() / 60))


# -- comparing ----------------------------------------------------------------------------------------------------------


def points(now: int | None, before: int | None) -> Cell:
    """How a share stands beside the period before, in words and an arrow."""
    if now is None or before is None:
        return Cell(_("nothing to compare with"), None)
    if now == before:
        return Cell(_("as before"), 0, arrow="minus")
    change = abs(now - before)
    text = ngettext("%(num)s point more", "%(num)s points more", change) if now > before else ngettext("%(num)s point less", "%(num)s points less", change)
    return Cell(text, now - before, note=_("%(percent)s%% before", percent=before), arrow=_arrow(now - before))


def faster(now: timedelta | None, before: timedelta | None) -> Cell:
    """How a time stands beside the period before."""
    if now is None or before is None:
        return Cell(_("nothing to compare with"), None)
    change = timedelta(minutes=round((now - before).total_seconds() / 60))
    if not change:
        return Cell(_("as before"), 0, arrow="minus")
    text = _("%(time)s longer", time=words.working_time(change)) if change > timedelta() else _("%(time)s shorter", time=words.working_time(-change))
    note = _("%(time)s before", time=words.working_time(before))
    return Cell(text, round(change.total_seconds() / 60), note=note, arrow=_arrow(change.total_seconds()))


def more(now: int, before: int) -> Cell:
    """How a number stands beside the period before."""
    if now == before:
        return Cell(_("as before"), 0, arrow="minus")
    text = _("%(number)s more", number=format_decimal(now - before)) if now > before else _("%(number)s less", number=format_decimal(before - now))
    return Cell(text, now - before, note=_("%(number)s before", number=format_decimal(before)), arrow=_arrow(now - before))


def _arrow(change: float) -> str:
    return "arrow-up" if change > 0 else "arrow-down"


# -- the tables ---------------------------------------------------------------------------------------------------------


def promises(found: read.Figures, rows: Rows) -> Table:
    """How far promises were kept."""
    lines = []
    for clock in CLOCKS:
        now, before = read.kept(found.whole, clock), read.kept(found.before, clock)
        due, late = number(now.due, rows(f"{clock}_due")), number(now.late, rows(f"{clock}_late"))
        lines.append([head(str(MEANINGS[clock].name), MEANINGS[clock]), share(now, rows(f"{clock}_due")), due, late, points(now.percent, before.percent)])
    return Table("promises", _("Promises"), [_("Promise"), _("On time"), _("Were due"), _("Late"), _("Period before")], lines)


def four(shown: Mapping[str, Table], rows: Rows) -> list[tuple[str, Cell]]:
    """What one looks at first, from the tables below: answered and solved on time, half of the solutions, and what is open."""
    found = []
    for line in shown["promises"].rows[:2]:
        late = _("%(late)s of %(due)s late", late=line[3].text, due=line[2].text) if line[1].percent is not None else ""
        found.append((line[0].text, replace(line[1], note=late)))
    solved, ages_shown = shown["times"].rows[1], shown["ages"]
    half = replace(solved[1], url=solved[5].url, note=_("of working time"))
    number_open = sum(int(line[1].value or 0) for line in ages_shown.rows)
    waits = number(number_open, rows("open"), ages_shown.finding if number_open else "")
    return [*found, (_("Half solved within"), half), (_("Open now"), waits)]


def lengths(found: read.Figures, rows: Rows) -> Table:
    """How long answers and solutions took."""
    lines = []
    for clock in CLOCKS[:2]:
        now, before, meaning = read.took(found.whole, clock), read.took(found.before, clock), MEANINGS[f"{clock}_time"]
        took = [length(now.half), length(now.most), length(now.half_elapsed, wall=True), length(now.most_elapsed, wall=True)]
        lines.append([head(str(meaning.name), meaning), *took, number(now.number, rows(f"{clock}_time")), faster(now.half, before.half)])
    columns = [
        _("Time"),
        _("Half within"),
        _("9 in 10 within"),
        _("Half, nights included"),
        _("9 in 10, nights included"),
        _("Counted"),
        _("Half, period before"),
    ]
    return Table("times", _("Times"), columns, lines)


def moves(found: read.Figures, rows: Rows) -> Table:
    """What came and went."""
    lines = []
    for measure in ("opened", "resolved", "reopened", "cancelled", "unpromised"):
        now, before = read.total(found.whole, measure), read.total(found.before, measure)
        lines.append([head(str(MEANINGS[measure].name), MEANINGS[measure]), number(now, rows(measure)), more(now, before)])
    now_share, then_share = read.pause_share(found.whole), read.pause_share(found.before)
    shown = Cell("–", None) if now_share is None else Cell(_("%(percent)s%%", percent=now_share), now_share)
    lines.append([head(str(MEANINGS["pause"].name), MEANINGS["pause"]), shown, points(now_share, then_share)])
    return Table("moves", _("What came and went"), [_("What"), _("Number"), _("Period before")], lines)


def _part_columns(first: str) -> list[str]:
    return [first, _("Came in"), _("Answered on time"), _("Half within"), _("9 in 10 within"), _("Solved on time"), _("Half within"), _("9 in 10 within")]


def _part_line(name: Cell, sums: Sums, rows: Rows, **part: Any) -> list[Cell]:
    found = [name, number(read.total(sums, "opened"), rows("opened", **part))]
    for clock in CLOCKS[:2]:
        took = read.took(sums, clock)
        found += [share(read.kept(sums, clock), rows(f"{clock}_due", **part)), length(took.half), length(took.most)]
    return found


def services(found: read.Figures, names: Mapping[str, str], rows: Rows) -> Table:
    """The same by service, by name."""
    parts = found.parts.get("service", {})
    lines = [_part_line(head(name), parts[key], rows, service=key) for key, name in names.items() if key in parts]
    return Table("services", _("By service"), _part_columns(_("Service")), lines)


def priorities(found: read.Figures, rows: Rows) -> Table:
    """The same by how much it hurt."""
    parts, called = found.parts.get("priority", {}), priority_words()
    lines = [_part_line(head(called[key].capitalize()), parts[key], rows, priority=key) for key in map(str, ORDER) if key in parts]
    return Table("priorities", _("By priority"), _part_columns(_("Priority")), lines)


def customers(found: read.Figures, rows: Rows) -> Table:
    """The same, apart for what customers notice."""
    parts, called = found.parts.get("notices", {}), {"yes": _("Customers notice"), "no": _("Customers do not notice")}
    lines = [_part_line(head(text), parts[key], rows, notices=key) for key, text in called.items() if key in parts]
    return Table("customers", _("Where customers notice"), _part_columns(_("Customers")), lines)


def asking(found: read.Figures, askers: Iterable[read.Asking], rows: Rows) -> Table:
    """Requests per 100 people, by who asked, most first; the company in the first line."""
    asked, known = read.asked_by(found.whole), list(askers)
    people = sum(who.people for who in known)
    lines = [[head(_("Whole company")), number(sum(asked.values()), rows("opened")), number(people), _rate(sum(asked.values()), people)]]
    lines += [
        [head(who.name), number(asked[who.id], rows("opened", of=who.id)), number(who.people), _rate(asked[who.id], who.people)]
        for who in sorted(known, key=lambda who: (-asked.get(who.id, 0), who.name))
        if asked.get(who.id)
    ]
    if asked.get(0):
        lines.append([head(_("No department")), number(asked[0], rows("opened", of=0)), Cell("–", None), Cell("–", None)])
    meaning = MEANINGS["per_hundred"]
    return Table("asking", str(meaning.name), [_("Who asked"), _("Requests"), _("People"), _("Per 100 people")], lines, meaning=meaning)


def _rate(asked: int, people: int) -> Cell:
    if not people:
        return Cell("–", None)
    rate = 100 * asked / people
    return Cell(format_decimal(round(rate, 1)), round(rate, 1))


# -- what is drawn ------------------------------------------------------------------------------------------------------


def weekly_promises(found: read.Figures, rows: Rows, named: Callable[[Span], str]) -> Table:
    """On time, week by week."""
    lines = [[_week(span, named), *(share(read.kept(sums, clock), rows(f"{clock}_due", span=span)) for clock in CLOCKS[:2])] for span, sums in found.slices]
    now = read.kept(found.whole, "resolution")
    finding = _("Nothing was due") if now.percent is None else _("%(percent)s%% solved on time", percent=now.percent)
    note = _("%(late)s of %(due)s were late.", late=format_decimal(now.late), due=format_decimal(now.due))
    first, called = slice_words(found)
    title, columns = _("On time, %(slices)s", slices=called), [first, _("Answered"), _("Solved")]
    return Table("weekly-promises", title, columns, lines, "lines", "%", finding, note)


def weekly_moves(found: read.Figures, rows: Rows, named: Callable[[Span], str]) -> Table:
    """What came in and what was solved, week by week."""
    measures = ("opened", "resolved", "reopened", "cancelled")
    lines = [[_week(span, named), *(number(read.total(sums, name), rows(name, span=span)) for name in measures)] for span, sums in found.slices]
    came, went = (read.total(found.whole, first) + read.total(found.whole, second) for first, second in (measures[::2], measures[1::2]))
    finding = _("As many came as went") if came == went else _("%(number)s more came than went", number=came - went)
    if went > came:
        finding = _("%(number)s more went than came", number=went - came)
    note = _("Came: filed or opened again. Went: solved or no longer needed.")
    first, called = slice_words(found)
    title = _("Came in and solved, %(slices)s", slices=called)
    columns = [first, _("Came in"), _("Solved"), _("Reopened"), _("No longer needed")]
    return Table("weekly-moves", title, columns, lines, "bars", "", finding, note, numbers=[1, 2])


def weekly_answers(found: read.Figures, rows: Rows, named: Callable[[Span], str]) -> Table:
    """Working time to the first answer, week by week."""
    lines = []
    for span, sums in found.slices:
        took = read.took(sums, "first_response")
        lines.append([_week(span, named), length(took.half), length(took.most), number(took.number, rows("first_response_time", span=span))])
    half = read.took(found.whole, "first_response").half
    finding = _("Nothing was answered") if half is None else _("Half had an answer within %(time)s", time=words.working_time(half))
    note = _("In working time.")
    columns = [slice_words(found)[0], _("Half within"), _("9 in 10 within"), _("Answers")]
    return Table("weekly-answers", _("First answer, %(slices)s", slices=slice_words(found)[1]), columns, lines, "lines", "min", finding, note, numbers=[1, 2])


def slice_words(found: read.Figures) -> tuple[str, str]:
    """What a period is drawn by: the head of the column, and in a title."""
    return (_("Week of"), _("by week")) if found.span.days <= DRAWN_BY_MONTH else (_("Month"), _("by month"))


def _week(span: Span, named: Callable[[Span], str]) -> Cell:
    return head(named(span), value=span.first.isoformat())


def ages(found: backlog_read.Backlog, rows: Rows) -> Table:
    """What is open by its age in working days."""
    called = age_words()
    shorts = ["< 1", *called[1:-1], f"> {backlog_read.EDGES[-1]}"]
    lines = [
        [Cell(text, text, is_head=True, short=short), number(n, rows("open", age=place))]
        for place, (text, short, n) in enumerate(zip(called, shorts, found.counts, strict=True))
    ]
    finding = _("Nothing is open") if found.half is None else _("Half have been open for %(time)s or less", time=words.working_time(found.half))
    note = "" if found.most is None else _("9 in 10 for %(time)s or less, in working time.", time=words.working_time(found.most))
    return Table("ages", str(MEANINGS["open"].name), [_("Working days"), _("Open")], lines, "bars", "", finding, note, MEANINGS["open"])


def age_words() -> list[str]:
    """Ages in working days, the youngest first."""
    edges = backlog_read.EDGES
    return [_("less than 1"), *(f"{low} – {high}" for low, high in pairwise(edges)), _("more than %(days)s", days=edges[-1])]


def oldest(found: Iterable[backlog_read.Old], when: Callable[[datetime], str], link: Callable[[int], str]) -> Table:
    """The ten that wait longest."""
    lines = []
    for row in found:
        title = row.title if row.may_read else _("Confidential request %(number)s", number=row.id)
        due = Cell("–", None) if row.next_due_at is None else Cell(when(row.next_due_at), row.next_due_at.isoformat())
        asked = Cell(when(row.received_at), row.received_at.isoformat())
        lines.append([head(title, url=link(row.id) if row.may_read else None), Cell(str(row.id), row.id), asked, due])
    return Table("oldest", _("Open for longest"), [_("Request"), _("Number"), _("Came in"), _("Due")], lines)


def overview(
    found: Mapping[int, Sums], served: Iterable[Any], now_open: Mapping[int, Any], link: Callable[[str], str], wait: Callable[[datetime], str]
) -> Table:
    """One line for each department."""
    lines = []
    for own in served:
        sums, waits = found[own.id], now_open.get(own.id)
        kept = [share(read.kept(sums, clock)) for clock in CLOCKS[:2]]
        half = [length(read.took(sums, clock).half) for clock in CLOCKS[:2]]
        opened = [number(read.total(sums, measure)) for measure in ("opened", "resolved")]
        open_now = [number(waits.number if waits else 0), number(waits.late if waits else 0), _since(waits.oldest if waits else None, wait)]
        lines.append([head(own.name, url=link(own.key)), *opened, kept[0], half[0], kept[1], half[1], *open_now])
    columns = [_("Department"), _("Came in"), _("Solved"), _("Answered on time"), _("Half within"), _("Solved on time"), _("Half within")]
    return Table("overview", _("All departments"), [*columns, _("Open now"), _("Late now"), _("Oldest waits")], lines)


def _since(instant: datetime | None, wait: Callable[[datetime], str]) -> Cell:
    return Cell("–", None) if instant is None else Cell(wait(instant), instant.isoformat())
