"""keep views and snoozes

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OPEN, RESTING = (sa.text("is_open = 1"), sa.text("is_open")), sa.text("snoozed_until IS NOT NULL")


def upgrade() -> None:
    """Views and what may be taken back get tables; requests an instant until which they rest, and indexes for the new orders of a queue."""
    op.create_table(
        "saved_views",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("folded", sa.String(120), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_saved_views_department_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["persons.id"], name=op.f("fk_saved_views_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
    )
    op.create_index("uq_saved_views_name", "saved_views", ["department_id", "owner_id", "folded"], unique=True)
    op.create_index("ix_saved_views_owner_id", "saved_views", ["owner_id"])
    op.create_table(
        "queue_defaults",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("view_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_queue_defaults_department_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_queue_defaults_person_id")),
        sa.ForeignKeyConstraint(["view_id"], ["saved_views.id"], name=op.f("fk_queue_defaults_view_id")),
        sa.PrimaryKeyConstraint("department_id", "person_id", name=op.f("pk_queue_defaults")),
    )
    op.create_index(op.f("ix_queue_defaults_view_id"), "queue_defaults", ["view_id"])
    op.create_table(
        "queue_undos",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(12), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_queue_undos_person_id")),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_queue_undos_department_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_undos")),
    )
    op.create_index(op.f("ix_queue_undos_person_id"), "queue_undos", ["person_id"])
    op.add_column("requests", sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True))
    lite, large = OPEN
    op.create_index("ix_requests_open_number", "requests", ["department_id", "id"], sqlite_where=lite, postgresql_where=large)
    op.create_index("ix_requests_open_quiet", "requests", ["department_id", "updated_at", "id"], sqlite_where=lite, postgresql_where=large)
    op.create_index("ix_requests_resting", "requests", ["department_id", "snoozed_until", "id"], sqlite_where=RESTING, postgresql_where=RESTING)
    op.create_index("ix_requests_wake", "requests", ["snoozed_until"], sqlite_where=RESTING, postgresql_where=RESTING)


def downgrade() -> None:
    """Requests wake up, views go."""
    for index in ("ix_requests_wake", "ix_requests_resting", "ix_requests_open_quiet", "ix_requests_open_number"):
        op.drop_index(index, table_name="requests")
    op.drop_column("requests", "snoozed_until")
    for table in ("queue_undos", "queue_defaults", "saved_views"):
        op.drop_table(table)
