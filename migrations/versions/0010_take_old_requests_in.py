"""take old requests in

Revision: 0010, after 0009

Two tables of their own: files of earlier desks, and which request was taken from which row. People with years of old requests
need an index for what asks them something.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New tables and an index; no row that is there changes."""
    op.create_table(
        "request_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("preview", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_imports")),
        sa.ForeignKeyConstraint(["started_by"], ["persons.id"], name=op.f("fk_request_imports_started_by")),
    )
    op.create_table(
        "taken_requests",
        sa.Column("request_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("words", sa.String(16), nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("number", sa.String(80), nullable=False),
        sa.Column("asked_by", sa.String(160), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_taken_requests")),
        sa.UniqueConstraint("key", name=op.f("uq_taken_requests_key")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_taken_requests_request_id")),
        sa.ForeignKeyConstraint(["import_id"], ["request_imports.id"], name=op.f("fk_taken_requests_import_id")),
    )
    op.create_index("ix_taken_requests_import_id", "taken_requests", ["import_id", "request_id"])
    asks = {"sqlite_where": sa.text("awaits_answer = 1"), "postgresql_where": sa.text("awaits_answer")}
    op.create_index("ix_requests_asks", "requests", ["requester_id", "id"], **asks)


def downgrade() -> None:
    """The requests stay; where they came from is forgotten."""
    op.drop_index("ix_requests_asks", "requests")
    op.drop_table("taken_requests")
    op.drop_table("request_imports")
    op.execute(sa.text("DELETE FROM jobs WHERE name IN ('desk.import.look', 'desk.import.run')"))
