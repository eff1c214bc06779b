"""The blueprint all pages of people hang on."""

from portal.kernel.web import Blueprint

bp = Blueprint("people", __name__)
