"""The one blueprint of the desk; the modules beside it add its routes."""

from portal.kernel.web import Blueprint

bp = Blueprint("desk", __name__)
