"""For load balancers and watchdogs: is the process there, is it able to work. Strangers learn nothing else."""

from flask import Response

from portal.admin.routes._blueprint import bp, the_app
from portal.kernel import health, policy


@bp.get("/livez")
@policy.public
def livez() -> Response:
    """The process answers."""
    return _plain("alive", 200)


@bp.get("/readyz")
@policy.public
def readyz() -> Response:
    """Every check passed within the last ten seconds, among them a real write; 503 otherwise, without saying what is wrong."""
    well = all(check.ok for check in health.readiness(the_app()))
    return _plain("ready", 200) if well else _plain("not ready", 503)


def _plain(word: str, status: int) -> Response:
    return Response(f"{word}\n", status, mimetype="text/plain")
