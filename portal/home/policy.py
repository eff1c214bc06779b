"""Who may open the start page and search: everybody signed in."""

from enum import StrEnum


class Home(StrEnum):
    """Permissions of the start page."""

    READ = "home.read"
