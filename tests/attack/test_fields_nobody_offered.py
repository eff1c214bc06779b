"""A form was sent with more fields than it has: the owner, the state, the role, somebody else's password.

Published case class: mass assignment (FreeScout CVE-2025-48476, Chatwoot CVE-2026-72719, Frappe LMS 2026) and filters as an oracle
(Ghost CVE-2026-70590, Flask-AppBuilder CVE-2022-31177).
"""

from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.kernel.db import db
from tests.support.client import Page
from tests.support.doors import visitors

EVERY = sorted({column.name for table in db.metadata.sorted_tables for column in table.columns})
MORE = (
    "id",
    "owner",
    "owner_id",
    "author",
    "role",
    "roles",
    "state",
    "admin",
    "is_admin",
    "administrator",
    "points",
    "created",
    "user_id",
    "_method",
    "password",
)
ALWAYS = {"activity", "jobs", "submissions", "observations", "heartbeats"}
"""Tables that any change may add rows to."""


@dataclass(frozen=True)
class Flow:
    """One form: who sends it, from which page, with what, which columns may differ then, and which tables may gain rows."""

    who: str
    page: str
    form: str
    values: dict[str, Any]
    columns: dict[str, str]
    rows: str = ""
    lost: str = ""


COUNTERS = "version updated_at message_count"
CLOCKED = f"{COUNTERS} next_clock next_due_at next_alert_at"
FLOWS = {
    "profile": Flow(
        "mara",
        "/account/profile/edit",
        "pronouns",
        {"pronouns": "she/her"},
        {"persons": """pronouns pronunciation does_for_others ask_me_about skills prefers phone place zone locale theme keys_off updated_at search_text"""},
    ),
    "theme": Flow("mara", "/", "/account/theme", {"theme": "dark"}, {"persons": "theme updated_at"}),
    "absence": Flow("mara", "/people/MC-0123/absence", "first_day", {"first_day": "2026-12-01", "last_day": "2026-12-02"}, {}, rows="absences"),
    "preferences": Flow(
        "mara", "/notifications/preferences", "quiet_from", {}, {}, rows="notice_preferences quiet_hours", lost="notice_preferences quiet_hours"
    ),
    "test mail": Flow("ada", "/administration/mail/check", "/administration/mail/check", {}, {}, rows="mails"),
    "department": Flow("priya", "/departments/facilities/edit", "value_line", {"value_line": "Warm and dry"}, {"departments": "value_line phone email"}),
    "person": Flow(
        "elena",
        "/administration/people/MC-0123/edit",
        "staff_number",
        {"title": "Producer"},
        {
            "persons": """staff_number name given_name sort_name email kind title department_id manager_id location_id place phone zone locale start_date end_date
            updated_at search_text"""
        },
    ),
    "filing": Flow(
        "mara", "/need/repair", "title", {"title": "The door squeaks"}, {}, rows="requests clocks clock_events messages participants", lost="drafts"
    ),
    "message": Flow(
        "mara",
        "/requests/{radiator}",
        "body",
        {"body": "Still cold"},
        {"requests": CLOCKED, "clocks": "*", "clock_events": "day"},
        rows="messages clock_events clocks figure_changes",
        lost="drafts",
    ),
    "cancel": Flow(
        "mara",
        "/requests/{radiator}/cancel",
        "reason",
        {},
        {
            "requests": f"{CLOCKED} status is_open closed_at outcome waits_for next_step next_step_at awaits_answer follow_up_at",
            "clocks": "*",
            "clock_events": "day",
        },
        rows="messages clock_events figure_changes",
    ),
    "edit": Flow(
        "mara",
        "/requests/{radiator}/edit",
        "title",
        {"title": "Colder still"},
        {
            "requests": f"{CLOCKED} title answers place location_id customer_notices customer_impact",
            "messages": "body edited_at",
            "clocks": "*",
            "clock_events": "day",
        },
        rows="clock_events clocks figure_changes",
    ),
    "reply": Flow(
        "jonas",
        "/requests/{radiator}",
        "body",
        {"body": "I come at noon.", "next_step": "I look at it", "next_step_at": "2026-11-25T12:00"},
        {"requests": f"{CLOCKED} status assignee_id acknowledged_at answered_at next_step next_step_at waits_for", "clocks": "*", "clock_events": "day"},
        rows="messages clock_events clocks participants breaches figure_changes",
        lost="drafts",
    ),
    "rest": Flow("jonas", "/requests/{chairs}/work/rest", "until", {}, {"requests": "snoozed_until version"}),
    "view": Flow("jonas", "/queue/facilities/views/new?due=late", "name", {"name": "Late"}, {}, rows="saved_views"),
    "priority": Flow(
        "jonas",
        "/requests/{radiator}/work/priority",
        "priority",
        {"priority": "urgent"},
        {"requests": f"{CLOCKED} priority", "clocks": "*", "clock_events": "day"},
        rows="clock_events clocks figure_changes",
    ),
}


def rows_of(app: Flask) -> dict[tuple[str, str], dict[str, str]]:
    """Every row by table and key."""
    found = {}
    with app.app_context():
        for table in db.metadata.sorted_tables:
            for row in db.session.execute(sa.select(table)).mappings():
                found[table.name, repr([row[column.name] for column in table.primary_key])] = {name: repr(value) for name, value in row.items()}
        db.session.remove()
    return found


def filled(page: Page, flow: Flow) -> dict[str, Any]:
    """What a browser would send."""
    candidates = [form for form in page.forms if form.method == "post" and (flow.form in form.names or flow.form in form.action)]
    data: dict[str, Any] = {name: list(held) for name, held in candidates[0].values.items()}
    for name in candidates[0].names:
        if name.startswith("q_") and not any(data.get(name, [])):
            data[name] = next((c for c in candidates[0].choices.get(name, []) if c), "12")
    return data | flow.values | {"": candidates[0].action or page.address}


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_only_offered_fields_count(app: Flask, world: Any, flow: Flow) -> None:
    """Every column name there is, sent along: what was offered changes, nothing else does."""
    visitor = visitors(app, world, (flow.who,))[flow.who]
    page = visitor.get(flow.page.format(**world.requests))
    data = filled(page, flow)
    target, offered = data.pop(""), set(data)
    extra = {name: "1" for name in (*EVERY, *MORE) if name not in offered and name not in {n for form in page.forms for n in form.names}}
    before = rows_of(app)
    answer = visitor.post(target, data | extra, follow_redirects=False)
    assert answer.status == 303, answer
    after = rows_of(app)
    assert _wrong(before, after, flow) == []
    if flow.rows.startswith("requests"):
        _is_plain(next(row for key, row in after.items() if key[0] == "requests" and key not in before), world)


def _wrong(before: dict[Any, dict[str, str]], after: dict[Any, dict[str, str]], flow: Flow) -> list[str]:
    found = [f"new row in {key[0]}" for key in after.keys() - before.keys() if key[0] not in ALWAYS | set(flow.rows.split())]
    found += [f"row gone from {key[0]}" for key in before.keys() - after.keys() if key[0] not in set(flow.lost.split())]
    for key in before.keys() & after.keys():
        changed = {name for name in before[key] if before[key][name] != after[key][name]}
        allowed = set(flow.columns.get(key[0], "").split())
        if key[0] == "sessions":
            allowed = {"seen_at"}
        if "*" not in allowed and changed - allowed:
            found.append(f"{key}: {sorted(changed - allowed)}")
    return found


def _is_plain(row: dict[str, str], world: Any) -> None:
    assert (row["requester_id"], row["filed_by_id"]) == (str(world.mara.id), str(world.mara.id))
    assert (row["assignee_id"], row["is_open"], row["closed_at"], row["follows_id"], row["channel"]) == ("None", "True", "None", "None", "'web'")


@pytest.mark.parametrize(
    "address", ["/queue/facilities", "/requests", "/people", "/need", "/search", "/notifications", "/administration/changes", "/administration/jobs"]
)
def test_a_filter_that_is_not_offered_filters_nothing(app: Flask, world: Any, address: str) -> None:
    """Asking by password, digest or any other column gives the list as it is, never another count and never an error."""
    who = "jonas" if address.startswith("/queue") else "ada"
    visitor = visitors(app, world, (who,))[who]
    held = visitor.get(address)
    offered = {name for form in held.forms for name in form.names} | {"q", "at", "show", "view", "first"}
    columns = ("password", "digest", "requester_id", "title", "id", "is_confidential", "secret", "sort", "order", "order_by", "limit", "filter", "where")
    for text in ("a%", "1", "' OR 1=1 --", "-1"):
        page = visitor.get(address, query_string={name: text for name in columns if name not in offered})
        assert page.status == 200, text
        assert [link.text for link in page.links] == [link.text for link in held.links], text


ODD = ("' OR '1'='1", "1 OR 1=1", "9" * 40, "-1", "0", "1e9", "\u0664", "None", "a" * 3000, "%", "../..", "\x00", "[]", "{}", "\ud7ff\U0001f6b2", "2026-13-45")
FILTERS = (
    "at",
    "q",
    "view",
    "saved",
    "sort",
    "of",
    "requester",
    "older",
    "due",
    "snoozed",
    "taken",
    "show",
    "service",
    "status",
    "site",
    "assignee",
    "priority",
    "first",
    "person",
    "event",
    "subject",
    "number",
    "since",
    "until",
)


@pytest.mark.parametrize(
    "address", ["/queue/facilities", "/requests", "/people", "/administration/changes", "/administration/changes.csv", "/administration/mail"]
)
def test_odd_values_in_filters_are_no_error(app: Flask, world: Any, address: str) -> None:
    """Every filter and cursor with text that is no value of it (osTicket CVE-2021-45811, LimeSurvey CVE-2026-50636)."""
    who = "jonas" if address.startswith("/queue") else "ada"
    visitor = visitors(app, world, (who,))[who]
    for text in ODD:
        page = visitor.get(address, query_string=dict.fromkeys((*FILTERS, "department", "left", "notices"), text), follow_redirects=False)
        assert page.status in (200, 303, 400, 404, 422), text
    for name in FILTERS:
        page = visitor.get(f"{address}?{name}=%ff%fe&{name}=1&{name}[]=2", follow_redirects=False)
        assert page.status in (200, 303, 400, 404, 422), name
