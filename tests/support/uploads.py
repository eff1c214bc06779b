"""Uploads in an instance folder, put there past the pages: for tests of what happens to many of them."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path


def add_upload(instance: Path, content: bytes) -> str:
    """Lay content and its row into a SQLite instance nobody serves; its hash."""
    return add_uploads(instance, [content])[0]


def add_uploads(instance: Path, contents: list[bytes]) -> list[str]:
    """Lay many in one transaction; their hashes."""
    rows = [(_placed(instance, content), "plan.txt", "text/plain", len(content), "2026-11-20 10:00:00.000000") for content in contents]
    with closing(sqlite3.connect(instance / "portal.db")) as connection:
        connection.executemany("INSERT INTO files (digest, name, mime, size, created_at) VALUES (?, ?, ?, ?, ?)", rows)
        connection.commit()
    return [row[0] for row in rows]


def _placed(instance: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    place = instance / "files" / digest[:2] / digest[2:4] / digest
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return digest
