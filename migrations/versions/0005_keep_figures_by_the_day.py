"""keep figures by the day

Revision: 0005, after 0004

Every clock that stopped gets its place; the counts follow from the clocks in a job that the portal does when it runs.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BATCH = 5000
JOB = "desk.rebuild_figures"
PLACE = ("service_id", "priority", "customer_notices")


def upgrade() -> None:
    """Two tables, and three columns of clocks, filled in batches for those that stopped."""
    op.create_table(
        "figure_counts",
        *_columns(),
        sa.PrimaryKeyConstraint("department_id", "day", "measure", "service_id", "priority", "customer_notices", "bucket", name=op.f("pk_figure_counts")),
        *_keys("figure_counts"),
    )
    changes = (sa.Column("id", sa.Integer(), nullable=False), sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_changes")))
    op.create_table("figure_changes", *_columns(), *changes, *_keys("figure_changes"))
    op.create_index("ix_figure_changes_department_id_day", "figure_changes", ["department_id", "day"])
    op.add_column("clocks", sa.Column("service_id", sa.Integer(), nullable=True))
    op.add_column("clocks", sa.Column("priority", sa.String(12), nullable=True))
    op.add_column("clocks", sa.Column("customer_notices", sa.Boolean(), nullable=True))
    _fill()


def _columns() -> tuple[sa.Column, ...]:
    return (
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("measure", sa.String(32), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("priority", sa.String(12), nullable=False),
        sa.Column("customer_notices", sa.Boolean(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
    )


def _keys(table: str) -> tuple[sa.ForeignKeyConstraint, ...]:
    return (
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f(f"fk_{table}_department_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f(f"fk_{table}_service_id")),
    )


def _fill() -> None:
    bind = op.get_bind()
    last = bind.execute(sa.text("SELECT max(id) FROM clocks")).scalar() or 0
    of = "(SELECT r.{0} FROM requests r WHERE r.id = clocks.request_id)"
    fill = sa.text(
        f"UPDATE clocks SET {', '.join(f'{name} = {of.format(name)}' for name in PLACE)} "  # noqa: S608 - names of our own columns
        "WHERE id > :after AND id <= :until AND stopped_at IS NOT NULL"
    )
    for after in range(0, last, BATCH):
        bind.execute(fill, {"after": after, "until": after + BATCH})
    if last:
        _ask_for_counts(bind)


def _ask_for_counts(bind: sa.Connection) -> None:
    columns = "name, args, unique_key, priority, run_at, state, fence, tries, created_at"
    values = f"'{JOB}', '{{}}', '{JOB}:0005', 0, CURRENT_TIMESTAMP, 'queued', 0, 0, CURRENT_TIMESTAMP"
    bind.execute(sa.text(f"INSERT INTO jobs ({columns}) VALUES ({values})"))  # noqa: S608 - words of our own


def downgrade() -> None:
    """Everything here follows from requests and clocks."""
    op.execute(sa.text("DELETE FROM jobs WHERE name = :name").bindparams(name=JOB))
    op.drop_table("figure_changes")
    op.drop_table("figure_counts")
    for name in PLACE:
        op.drop_column("clocks", name)
