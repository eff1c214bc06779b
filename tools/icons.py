"""Build ``static/icons.svg``, one sprite of the icons named in ``static/icons.txt``, from an installed ``@tabler/icons``.

Usage: ``python tools/icons.py FOLDER`` where FOLDER holds ``node_modules/@tabler/icons``. Run by hand when the list changes; nothing is built at start.
"""

import re
import sys
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"
OUTLINE = Path("node_modules", "@tabler", "icons", "icons", "outline")
SHAPE = re.compile(r"<(path|circle|ellipse|line|polyline|polygon|rect)\s([^>]*?)/>")
ATTRIBUTE = re.compile(r'([a-z0-9-]+)="([^"]*)"')
KEPT = ("d", "cx", "cy", "r", "x", "y", "rx", "width", "height", "points", "x1", "x2", "y1", "y2")


def names(listing: str) -> list[str]:
    """The icon names in a listing, sorted; blank lines and lines after ``#`` do not count."""
    return sorted({line.strip() for line in listing.splitlines() if line.strip() and not line.startswith("#")})


def symbol(name: str, source: str) -> str:
    """One ``<symbol>`` with the shapes of an icon file and none of its presentation: colour and stroke come from the style sheet."""
    shapes = []
    for tag, body in SHAPE.findall(source):
        attributes = dict(ATTRIBUTE.findall(body))
        if attributes.get("stroke") == "none":
            continue  # the invisible square every Tabler icon starts with
        shapes.append(f"<{tag} " + " ".join(f'{key}="{" ".join(attributes[key].split())}"' for key in KEPT if key in attributes) + "/>")
    return f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(shapes)}</symbol>'


def sprite(folder: Path, wanted: list[str]) -> str:
    """The whole sprite as text; raises FileNotFoundError naming the first icon the package does not have."""
    symbols = (symbol(name, (folder / OUTLINE / f"{name}.svg").read_text(encoding="utf-8")) for name in wanted)
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def main(arguments: list[str]) -> int:
    """Write the sprite; 2 and a sentence when the folder or an icon is missing."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    wanted = names((STATIC / "icons.txt").read_text(encoding="utf-8"))
    try:
        text = sprite(Path(arguments[0]), wanted)
    except FileNotFoundError as missing:
        print(f"Not there: {missing.filename}", file=sys.stderr)
        return 2
    (STATIC / "icons.svg").write_text(text, encoding="utf-8")
    print(f"{len(wanted)} icons, {len(text):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
