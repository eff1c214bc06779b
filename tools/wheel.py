"""What a wheel carries besides the package: templates/, static/ and migrations/, mapped to portal/_data/.

They stand at the top level of a checkout, where people look for them, but a wheel only carries what is inside a package.
The application looks beside its package first, then inside it (portal/kernel/places.py). An editable installation gets no
copy: it would grow old unnoticed.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("templates", "static", "migrations")


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # the name and base that hatchling looks for
    """Adds the folders to a standard wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Map each folder, unless this is an editable build."""
        if version == "standard":
            build_data["force_include"].update({f"{self.root}/{folder}": f"portal/_data/{folder}" for folder in FOLDERS})
