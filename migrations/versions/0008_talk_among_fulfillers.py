"""talk among fulfillers

Revision: 0008, after 0007
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DRAFTS = sa.table("drafts", sa.column("person_id", sa.Integer), sa.column("form", sa.String), sa.column("fields", sa.JSON), sa.column("saved_at", sa.DateTime))
BATCH = 500


def upgrade() -> None:
    """Names in notes, who is writing, and drafts that know of each other; a note that was typed is a draft of its own."""
    op.create_table(
        "message_mentions",
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("written", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_message_mentions_message_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_message_mentions_person_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_message_mentions_request_id")),
        sa.PrimaryKeyConstraint("message_id", "person_id", name=op.f("pk_message_mentions")),
    )
    op.create_index("ix_message_mentions_request_id", "message_mentions", ["request_id"])
    op.create_index(op.f("ix_message_mentions_person_id"), "message_mentions", ["person_id"])
    op.create_table(
        "presences",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_presences_request_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_presences_person_id")),
        sa.PrimaryKeyConstraint("request_id", "person_id", name=op.f("pk_presences")),
    )
    op.create_index(op.f("ix_presences_at"), "presences", ["at"])
    op.add_column("drafts", sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("drafts", sa.Column("other", sa.JSON(), nullable=True))
    op.create_index(op.f("ix_drafts_saved_at"), "drafts", ["saved_at"])
    for row in _typed("work."):
        if row.fields.get("what") == ["note"]:
            _becomes(row, "note", {"note": row.fields.get("body", [""])})


def downgrade() -> None:
    """A note that was typed goes back into the one box, where no reply stands in it."""
    for row in _typed("note."):
        _becomes(row, "work", {"what": ["note"], "body": row.fields.get("note", [""])})
    op.drop_index(op.f("ix_drafts_saved_at"), "drafts")
    op.drop_column("drafts", "other")
    op.drop_column("drafts", "revision")
    op.drop_table("presences")
    op.drop_table("message_mentions")


def _typed(kind: str) -> Iterator[Any]:
    """Drafts of a kind, some hundred at a time."""
    last = (0, "")
    columns = (DRAFTS.c.person_id, DRAFTS.c.form, DRAFTS.c.fields)
    while True:
        after = sa.or_(DRAFTS.c.person_id > last[0], sa.and_(DRAFTS.c.person_id == last[0], DRAFTS.c.form > last[1]))
        query = sa.select(*columns).where(DRAFTS.c.form.startswith(kind, autoescape=True), after).order_by(DRAFTS.c.person_id, DRAFTS.c.form).limit(BATCH)
        rows = op.get_bind().execute(query).all()
        yield from rows
        if len(rows) < BATCH:
            return
        last = (rows[-1].person_id, rows[-1].form)


def _becomes(row: Any, kind: str, fields: dict[str, Any]) -> None:
    """Keep it as a draft of another kind, where there is none yet."""
    form = kind + "." + row.form.partition(".")[2]
    mine = DRAFTS.c.person_id == row.person_id
    if op.get_bind().execute(sa.select(DRAFTS.c.form).where(mine, DRAFTS.c.form == form)).first() is None:
        op.get_bind().execute(sa.update(DRAFTS).where(mine, DRAFTS.c.form == row.form).values(form=form, fields=fields))
