"""What every page shows around its content: menu, the reader, theme, language, and times in the reader's zone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Flask, current_app, g, has_request_context, url_for
from flask_babel import get_locale
from markupsafe import Markup

from portal.kernel import clock, compact, policy, quarantine, slots, times, translating
from portal.kernel.settings import Settings

THEMES = ("light", "dark", "auto")


@dataclass(frozen=True)
class MenuItem:
    """An entry of the side bar; ``count`` means "needs you", and one entry per page may be hot."""

    key: str
    label: str
    icon: str
    url: str
    order: int = 100
    count: int | None = None
    hot: bool = False
    keys: str | None = None
    on_phone: bool = False


@dataclass(frozen=True)
class MenuGroup:
    """Entries under one heading; the first group has none."""

    title: str | None
    items: tuple[MenuItem, ...]
    order: int = 0


_links: dict[str, tuple[str, dict[str, Any]]] = {}


def link(name: str, endpoint: str, **values: Any) -> None:
    """Tell the layout where something lives: home, search, need, requests, profile, notifications, devices, theme, sign_out ..."""
    _links[name] = (endpoint, values)


def setup(app: Flask, settings: Settings) -> None:
    """Install language, zone and what the layouts read."""
    translating.Languages(app, locale_selector=_locale, timezone_selector=_zone_name, default_locale=settings.locale, default_timezone=settings.zone)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    translating.setup(app)
    compact.setup(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(when=when, brief=brief, day=day, clock_time=clock_time, duration=times.duration, ago=ago)
    app.context_processor(_context)


def _locale() -> str:
    if has_request_context() and policy.current().is_person:
        return policy.current().locale
    return str(current_app.extensions["settings"].locale)  # jobs choose their reader's language themselves


def _zone_name() -> str:
    return policy.current().zone if has_request_context() else str(current_app.extensions["settings"].zone)


def reader_zone() -> ZoneInfo:
    """The zone of whoever reads."""
    return ZoneInfo(policy.current().zone)


def _context() -> dict[str, Any]:
    settings: Settings = current_app.extensions["settings"]
    actor = policy.current()
    return {
        "actor": actor,
        "company": settings.company,
        "help_phone": settings.phone,
        "demo": settings.demo,
        "locale": str(get_locale() or settings.locale),
        "theme": getattr(g, "theme", "auto"),
        "me": getattr(g, "me", None),
        "menu": menu,
        "phone_bar": phone_bar,
        "links": _known_links() if has_request_context() else {},
        "now": clock.now(),
        "quarantined": quarantine.shown,
    }


def _known_links() -> dict[str, str]:
    known = current_app.view_functions
    return {name: url_for(endpoint, **values) for name, (endpoint, values) in _links.items() if endpoint in known}


def menu() -> list[MenuGroup]:
    """The side bar of the current reader, gathered once per request; a provider gives one group or several."""
    if "menu" not in g:
        found: Iterable[Any] = slots.fill("menu", policy.current()) if policy.current().is_person else ()
        groups = [group for part in found for group in (part if isinstance(part, list) else [part])]
        g.menu = _merged(groups)
    return list(g.menu)


def _merged(groups: Iterable[MenuGroup]) -> list[MenuGroup]:
    by_title: dict[str | None, list[MenuItem]] = {}
    order: dict[str | None, int] = {}
    for group in groups:
        by_title.setdefault(group.title, []).extend(group.items)
        order[group.title] = min(order.get(group.title, group.order), group.order)
    titles = sorted(by_title, key=lambda t: (t is not None, order[t], t or ""))
    return [MenuGroup(t, tuple(sorted(by_title[t], key=lambda i: i.order)), order[t]) for t in titles if by_title[t]]


def phone_bar() -> list[MenuItem]:
    """The at most four entries of the bar at the bottom of a phone."""
    return [item for group in menu() for item in group.items if item.on_phone][:4]


def _shown(instant: datetime, words: Callable[..., str], **options: Any) -> Markup:
    zone, language = reader_zone(), _language()
    utc, exact = instant.astimezone(UTC).isoformat(timespec="seconds"), times.exact(instant.astimezone(zone), language)
    return Markup('<time datetime="%s" title="%s">%s</time>') % (utc, exact, words(instant, clock.now(), zone, language, **options))


def _language() -> str:
    found = get_locale()
    return _named(found) if found else "en"


@cache
def _named(locale: Locale) -> str:
    return str(locale)


def when(instant: datetime | None) -> Markup:
    """Day and time in the reader's zone, short ("Thu 12:00"), with the exact instant on hover; empty for None."""
    return _shown(instant, times.when) if instant else Markup("")


def brief(instant: datetime | None) -> Markup:
    """The time alone today, else weekday and time ("9:41", "Thu 12:00"), for narrow columns; empty for None."""
    return _shown(instant, times.brief) if instant else Markup("")


def day(instant: datetime | date | None) -> Markup:
    """The day in the reader's zone ("Thu 26 November"); empty for None."""
    if instant is None:
        return Markup("")
    if not isinstance(instant, datetime):
        return Markup.escape(times.day_of(instant, clock.now().astimezone(reader_zone()).date(), _language()))
    return _shown(instant, times.day)


def clock_time(instant: datetime | None) -> Markup:
    """The time of day in the reader's zone ("9:41"); empty for None."""
    return _shown(instant, times.clock_time) if instant else Markup("")


def ago(instant: datetime | None) -> Markup:
    """How long ago ("3 h ago"), with the exact instant on hover; empty for None."""
    return _shown(instant, times.ago) if instant else Markup("")


def words_for(instant: datetime, zone: str, locale: str, now: datetime) -> str:
    """Like :func:`when` as plain words for mail and jobs, where nobody is reading yet."""
    return times.when(instant, now, ZoneInfo(zone), locale)


def midnight(day_: date, zone: str) -> datetime:
    """The instant at which a local day begins."""
    return datetime.combine(day_, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)


def end_of_day(day_: date, zone: str) -> datetime:
    """The instant at which a local day ends."""
    return midnight(day_ + timedelta(days=1), zone)
