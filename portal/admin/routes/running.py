"""Is the portal well, and how is it set up."""

from flask import current_app, render_template, request

from portal.admin.policy import Admin
from portal.admin.queries import running
from portal.admin.routes._blueprint import bp, the_app
from portal.kernel import health as kernel_health
from portal.kernel import policy


@bp.get("/administration/health")
@policy.allow(Admin.RUN)
def health() -> str:
    """The checks of the last ten seconds; ?everything=1 also reads every row for what must always hold."""
    checks = [*kernel_health.readiness(the_app()), *kernel_health.watched()]
    broken = kernel_health.broken() if request.args.get("everything") else None
    return render_template("admin/health.html", checks=checks, broken=broken)


@bp.get("/administration/settings")
@policy.allow(Admin.RUN)
def settings() -> str:
    """What the operator decided; read only, because it belongs to the machine."""
    return render_template("admin/settings.html", rows=running.settings_in_force(current_app.extensions["settings"]))
