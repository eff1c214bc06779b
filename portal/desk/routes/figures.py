"""What a department kept and how long it took, for those who answer there and lead it."""

from typing import Any

from flask import render_template, request, url_for
from flask_babel import ngettext

from portal.desk import words
from portal.desk.policy import Desk
from portal.desk.queries import figures as read
from portal.desk.routes._blueprint import bp
from portal.desk.routes.queue import find_queue
from portal.kernel import clock, policy

WEEKS = (4, 12)


@bp.get("/queue/<key>/figures")
@policy.allow(Desk.QUEUE)
def figures(key: str) -> str:
    """Promises kept and working times of the last four or twelve weeks, in all and by service."""
    department, now, weeks = find_queue(key), clock.now(), _weeks()
    during = read.period(department.id, weeks, now)
    whole, lines = read.of_department(department.id, during, now)
    return render_template(
        "desk/figures.html", department=department, during=during, whole=whole, lines=lines, spans=_spans(key, weeks), working=words.working_time
    )


def _weeks() -> int:
    return next((number for number in WEEKS if request.args.get("weeks") == str(number)), WEEKS[0])


def _spans(key: str, current: int) -> list[dict[str, Any]]:
    return [
        {"text": ngettext("%(num)d week", "%(num)d weeks", number), "url": url_for("desk.figures", key=key, weeks=number), "current": number == current}
        for number in WEEKS
    ]
