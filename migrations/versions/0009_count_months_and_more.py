"""count months and more

Revision: 0009, after 0008

Clocks and events get the day on which figures count them. The portal finds these days in a job when it runs, and counts from them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

JOB = "desk.rebuild_figures"
OF_EVENTS = {
    "day": sa.Date(),
    "department_id": sa.Integer(),
    "service_id": sa.Integer(),
    "priority": sa.String(12),
    "customer_notices": sa.Boolean(),
    "asked_from": sa.Integer(),
    "is_open_ended": sa.Boolean(),
}
OF_CLOCKS = {"due_day": sa.Date(), "stop_day": sa.Date(), "time_bucket": sa.Integer(), "elapsed_bucket": sa.Integer()}
INDEXES = (
    ("ix_clock_events_figures", "clock_events", ["department_id", "kind", "day", "id"], "day IS NOT NULL", "day IS NOT NULL"),
    ("ix_clock_events_unplaced", "clock_events", ["id"], *2 * ("day IS NULL AND kind IN ('opened', 'resolved', 'reopened', 'cancelled')",)),
    ("ix_clocks_running", "clocks", ["department_id", "due"], *2 * ("stopped_at IS NULL AND due IS NOT NULL",)),
    ("ix_clocks_stop_day", "clocks", ["department_id", "stop_day", "id"], *2 * ("stop_day IS NOT NULL",)),
    ("ix_clocks_unplaced", "clocks", ["id"], *2 * ("stopped_at IS NOT NULL AND stop_day IS NULL",)),
    ("ix_requests_open_age", "requests", ["department_id", "received_at", "id"], "is_open = 1", "is_open"),
)


def upgrade() -> None:
    """New columns are empty: nothing is counted until the job has gone through it, so what was counted before goes."""
    for table, columns in (("clock_events", OF_EVENTS), ("clocks", OF_CLOCKS)):
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))
    for name, table, columns, lite, large in INDEXES:
        op.create_index(name, table, columns, sqlite_where=sa.text(lite), postgresql_where=sa.text(large))
    op.create_table(
        "figure_cells",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("grain", sa.String(12), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_figure_cells_department_id")),
        sa.PrimaryKeyConstraint("department_id", "grain", "start", name=op.f("pk_figure_cells")),
    )
    op.create_table(
        "head_counts",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_head_counts_department_id")),
        sa.PrimaryKeyConstraint("department_id", name=op.f("pk_head_counts")),
    )
    _count_anew("0009")


def _count_anew(reason: str) -> None:
    for table in ("figure_changes", "figure_counts"):
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own tables
    bind = op.get_bind()
    if not bind.execute(sa.text("SELECT max(id) FROM clocks")).scalar():
        return
    bind.execute(sa.text("DELETE FROM jobs WHERE name = :name").bindparams(name=JOB))
    columns = "name, args, unique_key, priority, run_at, state, fence, tries, created_at"
    values = f"'{JOB}', '{{}}', '{JOB}:{reason}', 0, CURRENT_TIMESTAMP, 'queued', 0, 0, CURRENT_TIMESTAMP"
    bind.execute(sa.text(f"INSERT INTO jobs ({columns}) VALUES ({values})"))  # noqa: S608 - words of our own


def downgrade() -> None:
    """Everything here follows from requests, clocks and their events; the version before counts for itself in its job."""
    op.drop_table("head_counts")
    op.drop_table("figure_cells")
    for name, table, *_ in INDEXES:
        op.drop_index(name, table_name=table)
    for table, columns in (("clocks", OF_CLOCKS), ("clock_events", OF_EVENTS)):
        for name in columns:
            op.drop_column(table, name)
    _count_anew("0005")
