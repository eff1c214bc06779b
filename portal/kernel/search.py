"""Full text behind one interface: what was typed becomes a query, an index gives numbers of rows, the newest first.

SQLite answers from FTS5, PostgreSQL from a tsvector with a GIN index; both are made by migrations (tables ``search_*``). A document has a
title, a body, notes, and a scope: tokens that say who may find it. They stand beside the words, so that somebody who may see ten requests
does not walk through a million; the feature's own policy still decides about every row.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from portal.kernel.db import db, is_sqlite

TYPED, TERMS, PHRASE, PREFIX = 200, 8, 12, 3
"""Characters and terms that are read, words of a phrase, and how many letters begin a word."""
WINDOW, WINDOW_OF_PHRASES = 8000, 20_000
"""Documents that PostgreSQL looks at one by one before it asks the index, which does not know what stands beside what."""
ENOUGH, ENOUGH_OF_PHRASES = 100, 21
"""Hits among them with which PostgreSQL asks the index for no more, however many were wanted."""
KNOWN = 200
"""Words of the index that one beginning of a word stands for; the first ones of the alphabet when there are more."""
HITS = 1000
"""So many of the newest hits are looked at; ranking and filters do not reach beyond them at once."""
READABLE, PRIVATE = ("title", "body"), ("title", "body", "note")
LETTERS = str.maketrans(
    {"ß": "ss", "ẞ": "ss", "ø": "o", "Ø": "o", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ł": "l", "Ł": "l", "đ": "d", "Đ": "d"}
    | {"ð": "d", "Ð": "d", "þ": "th", "Þ": "th", "ı": "i", "ς": "σ"}
)
_LABELS = {"title": "A", "body": "B", "note": "D"}
_BETWEEN = re.compile("[\0-/:-@\\[-`{-¿\u2000-\u206f\u3000-\u303f]+")
_TYPED = re.compile(r'"([^"]*)"?|([^"\s]+)')
_MARKS = re.compile("[\u0300-\u036f]")
_WORD = re.compile(r"[^\W_]+")
_QUOTES = str.maketrans(dict.fromkeys("“”„«»", '"'))


def fold(text: str) -> str:
    """Small letters without accents; the same as the databases make of a text."""
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).lower().translate(LETTERS)


def words_of(text: str) -> tuple[str, ...]:
    """The folded words of a text in order."""
    return tuple(word for word in _BETWEEN.split(fold(text)) if _WORD.search(word))


@dataclass(frozen=True)
class Term:
    """Words that must stand together in this order; the last one may be the beginning of a word.

    ``known`` are words of the index that begin like the last one, where it was asked for them.
    """

    words: tuple[str, ...]
    is_open: bool
    known: tuple[str, ...] = ()

    def fits(self, word: str) -> bool:
        """Whether a folded word of a text is one of these."""
        return word in self.words or (self.is_open and word.startswith(self.words[-1]))


@dataclass(frozen=True)
class Query:
    """What somebody looks for: every term must be there. False when nothing was typed that could be found."""

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """All words of all terms."""
        return tuple(word for term in self.terms for word in term.words)

    def fits(self, word: str) -> bool:
        """Whether a folded word of a text is one that was typed, or begins like one."""
        return any(term.fits(word) for term in self.terms)


def parse(text: str) -> Query:
    """Read what was typed: words, beginnings of words, "exact phrases". Whatever it is, it is a query and never an error."""
    terms: dict[Term, None] = {}
    for phrase, typed in _TYPED.findall(text[:TYPED].translate(_QUOTES)):
        words = words_of(phrase or typed)[:PHRASE]
        if words:
            terms[Term(words, bool(typed) and len(words[-1]) >= PREFIX)] = None
    return Query(tuple(terms)[:TERMS])


# -- the index ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Looked:
    """Scopes that are looked up while the statement runs: a letter before each number that ``numbers`` selects."""

    letter: str
    numbers: sa.Select[Any]


Scopes = Sequence[str] | Looked
NOBODY = "nobody"
"""A scope that no document has."""
Given = Callable[[str], Any]


def parameter(name: str) -> Any:
    """The parameter that stands for one of the :meth:`Index.values`."""
    return sa.bindparam(name, type_=sa.Integer if name in ("window", "enough") else sa.String)


@dataclass(frozen=True)
class Side:
    """One of the ways in which somebody may find a document: parts of it, and scopes; ``wide`` when these are those of many documents.

    Of several sides at most one may have scopes that are looked up.
    """

    parts: Sequence[str]
    scopes: Scopes
    wide: bool = False


@dataclass(frozen=True)
class Index:
    """One ``search_*`` table of full text; the number of a document is the number of its row, and newer rows have larger ones."""

    name: str

    def opened(self, query: Query) -> Query:
        """The query with the words of the index that begin like its open terms. FTS5 would gather every place of all of them before the first
        hit; an OR of whole words is walked from the newest. Asked through the driver, inside the running transaction. SQLite only.
        """
        raw = db.session.connection().connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            return query
        return Query(tuple(replace(term, known=self._beginning(raw, term.words[-1])) if term.is_open else term for term in query.terms))

    def _beginning(self, raw: sqlite3.Connection, start: str) -> tuple[str, ...]:
        above = start + "\U0010ffff"
        steps = (
            f"SELECT (SELECT term FROM {self.name}_known WHERE term >= :start LIMIT 1) UNION ALL "  # noqa: S608 - our own names
            # The next word, found by a seek: "greater than" would walk through every place of this one.
            f"SELECT (SELECT term FROM {self.name}_known WHERE term >= t.term || char(1) LIMIT 1) FROM t WHERE t.term < :above LIMIT :most"
        )
        query = f"WITH RECURSIVE t (term) AS ({steps}) SELECT term FROM t WHERE term < :above"  # noqa: S608 - our own names
        return tuple(row[0] for row in raw.execute(query, {"start": start, "above": above, "most": KNOWN}))

    def values(self, query: Query, sides: Sequence[Side]) -> dict[str, str | int]:
        """What is looked for, in the words of the database: the values of the parameters of :meth:`hits`."""
        found: dict[str, str | int] = {f"words{place}": _asked(query, side.parts, [side.scopes]) for place, side in enumerate(sides)}
        if is_sqlite():
            return found
        parts, scopes = max((side.parts for side in sides), key=len), [side.scopes for side in sides]
        phrase = any(len(term.words) > 1 for term in query.terms)
        numbers = {"window": WINDOW_OF_PHRASES, "enough": ENOUGH_OF_PHRASES} if phrase else {"window": WINDOW, "enough": ENOUGH}
        return found | {"some": _asked(query, parts, scopes), "scopes": "(" + _either(scopes)} | numbers

    def hits(self, sides: Sequence[Side], allowed: Sequence[Any], rows: Any, *, given: Given, before: Any = None, limit: int = HITS) -> list[Any]:
        """Selects of ``id`` of ``rows`` (a model), each the newest first: those found by a side that are ``allowed`` by the condition of that side.

        SQLite gives one for each side, PostgreSQL one for all. ``given`` turns a name into its parameter or value, see :meth:`values`.
        """
        if not is_sqlite():
            return [_postgresql(self.name, sides, allowed, (rows, given, before, limit))]
        table = sa.table(self.name, sa.column("rowid", sa.Integer), sa.column(self.name, sa.Text))
        older = [table.c.rowid < before] if before is not None else []
        found = sa.select(table.c.rowid.label("id")).join_from(table, rows, rows.id == table.c.rowid).order_by(table.c.rowid.desc()).limit(limit)
        asked = [_closed(given(f"words{place}"), [side.scopes]) for place, side in enumerate(sides)]
        return [found.where(table.c[self.name].op("MATCH", is_comparison=True)(words), rule, *older) for words, rule in zip(asked, allowed, strict=True)]

    def held(self, query: Query, parts: Sequence[str], scopes: Scopes, *, floor: Any) -> Any:
        """Select ``id`` of every document that has all terms in ``parts`` and one of the ``scopes``, from number ``floor`` on; in no order.

        No policy stands in it: it narrows a list that has its own.
        """
        if is_sqlite():
            table = sa.table(self.name, sa.column("rowid", sa.Integer), sa.column(self.name, sa.Text))
            wanted = _closed(_asked(query, parts, [scopes]), [scopes])
            return sa.select(table.c.rowid.label("id")).where(table.c[self.name].op("MATCH", is_comparison=True)(wanted), table.c.rowid >= floor)
        documents = _documents(self.name)
        asked = _closed(_asked(query, parts, [scopes]), [scopes])
        return sa.select(documents.c.id).where(_fits(documents.c.words, asked), documents.c.id >= floor)

    def has(self, query: Query, parts: Sequence[str], number: Any) -> sa.ColumnElement[bool]:
        """SQL: the document with this number has all terms in ``parts``; looked up for one row at a time. PostgreSQL only."""
        documents = _documents(self.name)
        words = sa.select(documents.c.words).where(documents.c.id == number).scalar_subquery()
        return _fits(words, tsquery(query, parts))


def _documents(name: str) -> sa.TableClause:
    """The table of PostgreSQL."""
    return sa.table(name, sa.column("id", sa.Integer), sa.column("words", TSVECTOR))


def _fits(words: Any, asked: Any) -> sa.ColumnElement[bool]:
    # An expression would be read anew for each row; as a statement of its own it is read once.
    wanted = sa.cast(asked, TSQUERY) if isinstance(asked, str | sa.BindParameter) else sa.select(sa.cast(asked, TSQUERY)).scalar_subquery()
    found: sa.ColumnElement[bool] = words.op("@@", is_comparison=True)(wanted)
    return found


def _postgresql(name: str, sides: Sequence[Side], allowed: Sequence[Any], of: tuple[Any, Given, Any, int]) -> Any:
    """A GIN index gives all hits or none, and the planner guesses badly how many there are. So the newest documents are looked at one by one
    when the scopes are wide: they hold enough hits of any common word. Only where they do not is the index asked, and its hits are few.
    For narrow scopes it is asked for these alone: the beginning of a common word would make it gather a million places first.
    """
    rows, given, before, limit = of
    table, scopes = _documents(name), [side.scopes for side in sides]
    ways = [_fits(sa.column("words"), _closed(given(f"words{place}"), [side.scopes])) for place, side in enumerate(sides)]
    documents = sa.select(table.c.id, table.c.words).where(*([table.c.id < before] if before is not None else []))
    some = _fits(table.c.words, _closed(given("some"), scopes))

    def found(these: Any, *first: Any) -> Any:
        """Which of these documents are found, and by which sides."""
        fitting = [way.label(f"way{place}") for place, way in enumerate(ways)]
        return sa.select(these.c.id, *fitting).select_from(these).where(*first, sa.or_(*ways))

    if not any(side.wide for side in sides):
        own: Any = documents.where(_fits(table.c.words, _closed(given("scopes"), scopes))).cte().prefix_with("MATERIALIZED")
        return _permitted(found(own), rows, allowed, limit)
    window = documents.order_by(table.c.id.desc()).limit(given("window")).subquery()
    recent: Any = _permitted(found(window, _fits(window.c.words, _closed(given("some"), scopes))), rows, allowed, limit, sort=False)
    recent = recent.cte().prefix_with("MATERIALIZED")
    few = sa.select(sa.func.count()).select_from(recent).scalar_subquery() < sa.func.least(limit, given("enough"))
    every: Any = documents.where(some, few).cte().prefix_with("MATERIALIZED")
    older = _permitted(found(every), rows, allowed, limit).subquery()
    both: Any = sa.union(sa.select(recent.c.id), sa.select(older.c.id)).subquery()
    return sa.select(both.c.id).order_by(both.c.id.desc()).limit(limit)


def _permitted(found: Any, rows: Any, allowed: Sequence[Any], limit: int, *, sort: bool = True) -> Any:
    """The newest of these numbers whose rows are allowed. Row by row: a join would be planned as a walk through all rows of the table."""
    walked = found.cte().prefix_with("MATERIALIZED") if sort else found.subquery()
    newest = sa.select(*walked.c).order_by(walked.c.id.desc()).subquery()
    rule = sa.or_(*(sa.and_(newest.c[f"way{place}"], one) for place, one in enumerate(allowed)))
    row = sa.select(rows.id).where(rows.id == newest.c.id, rule).limit(1).correlate(newest).lateral()
    return sa.select(newest.c.id).join_from(newest, row, sa.true()).order_by(newest.c.id.desc()).limit(limit)


def _asked(query: Query, parts: Sequence[str], scopes: Sequence[Scopes]) -> str:
    """The terms in these parts, and one of the scopes; those that are looked up are added by :func:`_closed`."""
    return (fts5(query, parts) + " AND scope : (" if is_sqlite() else tsquery(query, parts) + " & (") + _either(scopes)


def _either(scopes: Sequence[Scopes]) -> str:
    quote, either, mark = _signs()
    known = [f"{quote}{mark}{scope}{quote}" for some in scopes if not isinstance(some, Looked) for scope in some or [NOBODY]]
    if not any(isinstance(some, Looked) for some in scopes):
        return either.join(known) + ")"
    return "".join(scope + either for scope in known)


def _signs() -> tuple[str, str, str]:
    return ('"', " OR ", "") if is_sqlite() else ("'", " | ", "=")


def _closed(asked: Any, scopes: Sequence[Scopes]) -> Any:
    """What is asked for: one constant where all scopes are known, which the planner can weigh, else with those that are looked up."""
    looked = next((some for some in scopes if isinstance(some, Looked)), None)
    if looked is None:
        return asked
    quote, either, mark = _signs()
    numbers = looked.numbers.subquery()
    each = sa.literal(f"{quote}{mark}{looked.letter}") + sa.cast(numbers.c[0], sa.String) + sa.literal(quote)
    some = sa.select(sa.func.aggregate_strings(each, either)).scalar_subquery()
    asked = sa.literal(asked) if isinstance(asked, str) else asked
    return asked + sa.func.coalesce(some, f"{quote}{mark}{NOBODY}{quote}") + sa.literal(")")


def fts5(query: Query, parts: Sequence[str]) -> str:
    """The terms in the words of FTS5; every word is quoted, so nothing that was typed is read as syntax."""
    terms = " AND ".join(_any_of(term) for term in query.terms)
    return f"{{{' '.join(parts)}}} : ({terms})"


def _any_of(term: Term) -> str:
    phrases = [" ".join([*term.words[:-1], word]) for word in term.known] or [" ".join(term.words)]
    return "(" + " OR ".join(f'"{phrase}"' for phrase in phrases) + ")"


def tsquery(query: Query, parts: Sequence[str]) -> str:
    """The terms in the words of PostgreSQL; words hold neither quotes nor backslashes, they are separators."""
    labels = "".join(_LABELS[part] for part in parts)
    return " & ".join(_together(term, labels) for term in query.terms)


def _together(term: Term, labels: str) -> str:
    marked = [f"'{word}':{labels}" for word in term.words[:-1]]
    return "(" + " <-> ".join([*marked, f"'{term.words[-1]}':{'*' if term.is_open else ''}{labels}"]) + ")"


# -- what is shown ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """Plain text of a title or passage, and whether it is what was looked for. It is escaped where it is shown."""

    text: str
    is_hit: bool = False


@lru_cache(maxsize=256)
def _pattern(query: Query) -> re.Pattern[str]:
    """The words of a query in small plain letters, as whole words or as beginnings of them."""
    ends = [re.escape(term.words[-1]) + (r"[^\W_]*" if term.is_open else "") for term in query.terms]
    words = [re.escape(word) for term in query.terms for word in term.words]
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(sorted([*ends, *words], key=len, reverse=True))})(?![^\W_])", re.ASCII)


def _hits_in(text: str, query: Query) -> list[tuple[int, int, str]]:
    if not query:
        return []
    if text.isascii():  # folding moves nothing in it, so all words are found at once
        return [(place.start(), place.end(), place.group()) for place in _pattern(query).finditer(text.lower())]
    if not any(word in fold(text) for word in query.words):
        return []
    found = ((place.start(), place.end(), fold(place.group())) for place in _WORD.finditer(text))
    return [(start, end, word) for start, end, word in found if query.fits(word)]


def marked(text: str, query: Query) -> list[Piece]:
    """The whole text in pieces, what was looked for apart."""
    return _pieces(text, _hits_in(text, query), 0, len(text))


def _pieces(text: str, hits: Sequence[tuple[int, int, str]], start: int, end: int) -> list[Piece]:
    pieces, at = [], start
    for first, last, _ in hits:
        if first < at or last > end:
            continue
        pieces += [Piece(text[at:first]), Piece(text[first:last], True)]
        at = last
    return [piece for piece in [*pieces, Piece(text[at:end])] if piece.text]


def passage(texts: Iterable[str], query: Query, width: int = 180) -> list[Piece]:
    """The words around what was looked for, from the text that has most of it; nothing when none of them has any."""
    best: tuple[int, str, list[tuple[int, int, str]]] = (0, "", [])
    for raw in texts:
        text = " ".join(unicodedata.normalize("NFC", raw[:20000]).split())
        hits = _hits_in(text, query)
        if (told := len({word for _, _, word in hits})) > best[0]:
            best = (told, text, hits)
    _, text, hits = best
    if not hits:
        return []
    start, end = _window(text, hits, width)
    pieces = _pieces(text, hits, start, end)
    return [*([Piece("… ")] if start else []), *pieces, *([Piece(" …")] if end < len(text) else [])]


def _window(text: str, hits: Sequence[tuple[int, int, str]], width: int) -> tuple[int, int]:
    """Where to cut: around the stretch with most different hits, at spaces."""
    first = max(hits, key=lambda hit: len({word for start, end, word in hits if hit[0] <= start and end <= hit[0] + width * 2 // 3}))[0]
    start = max(first - width // 4, 0)
    start = text.find(" ", start, first) + 1 if start and " " in text[start:first] else (first if start else 0)
    end = min(start + width, len(text))
    cut = text.rfind(" ", first + width // 3, end)
    return start, cut if end < len(text) and cut > 0 else end


def closeness(title: str, query: Query) -> int:
    """How well a title fits: 3 the words as typed, 2 all of them, 1 some, 0 none."""
    words = words_of(title)
    fitting = [stands_in(term, words) for term in query.terms]
    if " ".join(query.words) in " ".join(words):
        return 3
    return 2 if all(fitting) else int(any(fitting))


def stands_in(term: Term, words: Sequence[str]) -> bool:
    """Whether a term stands in a text of these folded words."""
    number = len(term.words)
    runs = (tuple(words[at : at + number]) for at in range(len(words) - number + 1))
    return any(run == term.words or (term.is_open and run[:-1] == term.words[:-1] and run[-1].startswith(term.words[-1])) for run in runs)


_known: dict[str, Index] = {}


def reach() -> int:
    """With so many hits of a kind there may be older ones that were not looked at."""
    return HITS if is_sqlite() else min(HITS, ENOUGH_OF_PHRASES)


def index(name: str) -> Index:
    """The full text in table ``name``; on SQLite its documents are renewed with every commit from then on."""
    return _known.setdefault(name, Index(name))


def known() -> list[Index]:
    """Every index there is."""
    return list(_known.values())
