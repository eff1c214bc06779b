"""Around the composer: who else writes, and what was sent meanwhile. Asked for again and again, so it costs next to nothing."""

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from portal.desk.actions import presence as write
from portal.desk.policy import Desk, find_request
from portal.desk.queries import presence as read
from portal.desk.routes._blueprint import bp
from portal.kernel import clock, policy


@bp.get("/requests/<int:request_id>/work/around")
@policy.allow(Desk.WORK)
def around(request_id: int) -> Response:
    """The lines above the composer; 304 while they say the same."""
    actor, seen = policy.current(), request.args.get("seen", 0, int)
    row = find_request(actor, request_id, to=Desk.WORK)
    found = read.around(row, actor.person_id, seen if 0 < seen < 2**31 else 0, clock.now())
    if found.tag in request.if_none_match:
        answer = Response(status=304)
    else:
        answer = make_response(render_template("desk/_work/around.html", around=found, row=row))
    answer.set_etag(found.tag)
    return answer


@bp.post("/requests/<int:request_id>/work/around")
@policy.allow(Desk.WORK)
def write_here(request_id: int) -> Response:
    """They are typing."""
    actor = policy.current()
    row = find_request(actor, request_id, to=Desk.WORK)
    write.write_here(row, note=request.form.get("what") == "note", actor=actor, now=clock.now())
    return Response(status=204)
