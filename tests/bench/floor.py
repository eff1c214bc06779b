"""The least a page can cost: Flask, waitress and plain SQL over the same rows, with as much text as the portal sends.

Run by ``bench_pages`` in a process of its own: ``python -m tests.bench.floor DATABASE PORT DEPARTMENT REQUEST``.
"""

import sqlite3
import sys
import threading
from typing import Any

from flask import Flask, render_template_string
from waitress import serve

QUEUE = """
SELECT r.id, r.title, r.status, r.next_clock, r.next_due_at, r.next_step, p.name, d.name FROM requests r
JOIN departments d ON d.id = r.from_department_id LEFT JOIN persons p ON p.id = r.assignee_id
WHERE r.department_id = ? AND r.is_open = 1 ORDER BY r.next_due_at, r.id LIMIT 25
"""
REQUEST = "SELECT m.id, m.body, m.created_at, p.name FROM messages m JOIN persons p ON p.id = m.author_id WHERE m.request_id = ? ORDER BY m.id"
PAGE = "<!DOCTYPE html><table>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table><p>{{ filler }}</p>"


def main(database: str, port: str, department: str, request: str) -> None:
    """Serve both pages until the process ends."""
    app, held, filler = Flask(__name__), threading.local(), "words " * 8000

    def rows(query: str, number: str) -> list[Any]:
        if not hasattr(held, "connection"):
            held.connection = sqlite3.connect(database)
        return list(held.connection.execute(query, (int(number),)))

    @app.get("/queue")
    def queue() -> str:
        return render_template_string(PAGE, rows=rows(QUEUE, department), filler=filler)

    @app.get("/request")
    def one() -> str:
        return render_template_string(PAGE, rows=rows(REQUEST, request), filler=filler)

    serve(app, host="127.0.0.1", port=int(port), threads=8, _quiet=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
