"""Write the table of settings into the operator guide, from the settings themselves."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from portal.kernel.settings import documented

GUIDE = ROOT / "docs" / "operator.md"
START, END = "portal/kernel/settings.py -->\n", "<!-- end of settings -->"


def table() -> str:
    """The settings as a Markdown table."""
    rows = [f"| `{name}` | {_shown(default)} | {text} |" for name, text, default in documented()]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows]) + "\n"


def _shown(default: object) -> str:
    if default in ("", None):
        return "empty"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def renewed(guide: str) -> str:
    """The guide with the present table in it."""
    before, rest = guide.split(START, 1)
    _, after = rest.split(END, 1)
    return f"{before}{START}{table()}{END}{after}"


if __name__ == "__main__":
    GUIDE.write_text(renewed(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
