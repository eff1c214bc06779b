"""QR pictures as one SVG path, drawn into the page: nothing to fetch, nothing to store."""

from dataclasses import dataclass

QUIET = 4
"""Empty modules around the picture that readers need."""


@dataclass(frozen=True)
class Picture:
    """Side length in modules, and the dark ones as a path."""

    side: int
    path: str


def drawn(text: str) -> Picture:
    """The picture that says ``text`` (up to about 2,000 characters)."""
    import segno  # heavy for a page that few people open once

    matrix = segno.make(text, error="m", micro=False).matrix
    runs = [run for y, row in enumerate(matrix) for run in _runs(row, y + QUIET)]
    return Picture(len(matrix) + 2 * QUIET, "".join(runs))


def _runs(row: bytes | bytearray, y: int) -> list[str]:
    found, start = [], None
    for x, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            found.append(f"M{start + QUIET} {y}h{x - start}v1H{start + QUIET}z")
            start = None
    return found
