"""For other WSGI servers: ``portal.wsgi:app`` is the portal, ``portal.wsgi:content`` the host of uploads (another address)."""

from portal.app import create_app
from portal.kernel.content_host import create_content_app
from portal.kernel.security import secret_key
from portal.kernel.settings import load

settings = load()
app = create_app(settings)
content = create_content_app(settings, secret_key(settings))
