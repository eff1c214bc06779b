"""Saved views of a queue: keep what one looks at under a name, share it, put it in order, open the queue with it."""

from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.desk.actions import views as saving
from portal.desk.forms.filters import QueueFilter, chips
from portal.desk.forms.views import ViewForm
from portal.desk.models import SavedView
from portal.desk.policy import Desk
from portal.desk.queries import queue_around as arounds
from portal.desk.queries import views as read
from portal.desk.queries.queue_conditions import Times
from portal.desk.routes import _queue_words as in_words
from portal.desk.routes._asked import asked
from portal.desk.routes._blueprint import bp
from portal.desk.routes.queue import came_from, find_queue
from portal.kernel import clock, policy
from portal.kernel.errors import Conflict, Refusal
from portal.kernel.web import see_other, tell


@bp.get("/queue/<key>/views")
@policy.allow(Desk.QUEUE)
def views(key: str) -> str:
    """All views of this queue that the reader may open."""
    department = find_queue(key)
    found = read.of_queue(policy.current(), department.id)
    around, names = _around(department), in_words.view_names()
    lines = [{"view": view, "says": _says(QueueFilter.of_pairs(view.filters), around, names)} for view in found]
    return render_template("desk/views.html", department=department, lines=lines, most=saving.MOST, kept=sum(view.mine for view in found))


def _around(department: arounds.Served) -> arounds.Around:
    now = clock.now()
    return arounds.around(policy.current(), department.id, times=Times.of(now, policy.current().zone), today=in_words.today(now))


def _says(form: QueueFilter, around: arounds.Around, names: dict[str, str]) -> list[tuple[str, str]]:
    """What a view shows, as pairs of words."""
    wanted = form.wanted()
    said = [(_("View"), names[wanted.view])]
    if wanted.text:
        said.append((_("Search"), wanted.text))
    held = (chip for chip in chips(form, in_words.of_filters(around, form)) if chip.value is not None)
    said.extend((chip.label, _("no longer there") if chip.gone else str(chip.value)) for chip in held)
    return [*said, (_("Order"), in_words.order_names()[wanted.order])] if wanted.sort != "next" else said


@bp.get("/queue/<key>/views/new")
@policy.allow(Desk.QUEUE)
def new_view(key: str) -> str:
    """A name for what the address says."""
    department = find_queue(key)
    form = QueueFilter.of_pairs(request.args)
    return _page(department, ViewForm(formdata=None), form, request.query_string.decode("utf-8", "replace")[:1000])


def _page(department: arounds.Served, form: ViewForm, shows: QueueFilter, back: str, view: SavedView | None = None) -> str:
    says = _says(shows, _around(department), in_words.view_names())
    return render_template("desk/view.html", department=department, form=form, says=says, back=back, view=view)


@bp.post("/queue/<key>/views")
@policy.allow(Desk.QUEUE)
def keep_view(key: str) -> Any:
    """Keep it, and show it."""
    department, form, actor, now = find_queue(key), ViewForm(), policy.current(), clock.now()
    shows = asked(key, read.of_queue(actor, department.id), came_from()).form
    try:
        if form.validate():
            row = saving.keep(department.id, str(form.name.data), shows.address(whole=True), shared=bool(form.shared.data), actor=actor, now=now)
            if form.opens.data:
                saving.open_with(row, department.id, actor=actor)
            tell(_("Kept as “%(name)s”.", name=row.name))
            return see_other("desk.queue", key=key, saved=row.id)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    return _page(department, form, shows, request.form.get("back", "")[:1000]), 422


@bp.get("/queue/<key>/views/<int:view_id>")
@policy.allow(Desk.QUEUE)
def edit_view(key: str, view_id: int) -> str:
    """Its name and who sees it."""
    department = find_queue(key)
    view = read.find(policy.current(), department.id, view_id, to=Desk.MANAGE)
    form = ViewForm(formdata=None, name=view.name, shared=view.is_shared, version=view.version)
    return _page(department, form, QueueFilter.of_pairs(view.filters), "", view)


@bp.post("/queue/<key>/views/<int:view_id>")
@policy.allow(Desk.QUEUE)
def change_view(key: str, view_id: int) -> Any:
    """Another name, or shared or not."""
    department, form, actor, now = find_queue(key), ViewForm(), policy.current(), clock.now()
    view = read.find(actor, department.id, view_id, to=Desk.MANAGE)
    try:
        if form.validate():
            saving.change(view, str(form.name.data), shared=bool(form.shared.data), version=form.version.data or 0, actor=actor, now=now)
            tell(_("“%(name)s” is changed.", name=view.name))
            return see_other("desk.views", key=key)
    except Refusal as refusal:
        form.complain(refusal.field, str(refusal.message))
    except Conflict as lost:
        raise _to_views(lost, key) from None
    return _page(department, form, QueueFilter.of_pairs(view.filters), "", view), 422


def _to_views(lost: Conflict, key: str) -> Conflict:
    lost.link = url_for("desk.views", key=key)
    return lost


@bp.post("/queue/<key>/views/<int:view_id>/filters")
@policy.allow(Desk.QUEUE)
def refilter_view(key: str, view_id: int) -> Response:
    """It shows from now on what the queue shows at this moment."""
    department, actor, now = find_queue(key), policy.current(), clock.now()
    view = read.find(actor, department.id, view_id, to=Desk.MANAGE)
    shows = asked(key, read.of_queue(actor, department.id), came_from()).form
    try:
        saving.refilter(view, shows.address(whole=True), version=request.form.get("version", 0, int), actor=actor, now=now)
    except Conflict as lost:
        raise _to_views(lost, key) from None
    tell(_("“%(name)s” shows this from now on.", name=view.name))
    return see_other("desk.queue", key=key, saved=view.id)


@bp.post("/queue/<key>/views/<int:view_id>/move")
@policy.allow(Desk.QUEUE)
def move_view(key: str, view_id: int) -> Response:
    """One place up or down."""
    department = find_queue(key)
    view = read.find(policy.current(), department.id, view_id, to=Desk.MANAGE)
    saving.move(view, 1 if request.form.get("to") == "down" else -1)
    return see_other("desk.views", key=key)


@bp.post("/queue/<key>/views/<int:view_id>/open")
@policy.allow(Desk.QUEUE)
def open_with_view(key: str, view_id: int) -> Response:
    """One's queue opens with this view, or with what next again."""
    department = find_queue(key)
    view = read.find(policy.current(), department.id, view_id)
    wanted = request.form.get("opens") == "yes"
    saving.open_with(view if wanted else None, department.id, actor=policy.current())
    tell(_("Your queue opens with “%(name)s”.", name=view.name) if wanted else _("Your queue opens with what next."))
    return see_other("desk.views", key=key)


@bp.post("/queue/<key>/views/<int:view_id>/remove")
@policy.allow(Desk.QUEUE)
def remove_view(key: str, view_id: int) -> Response:
    """Remove it; requests stay as they are."""
    department = find_queue(key)
    view = read.find(policy.current(), department.id, view_id, to=Desk.MANAGE)
    name = view.name
    try:
        saving.remove(view, actor=policy.current(), now=clock.now())
    except Conflict as lost:
        raise _to_views(lost, key) from None
    tell(_("“%(name)s” is removed. Requests are as they were.", name=name))
    return see_other("desk.views", key=key)
