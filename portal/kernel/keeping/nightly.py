"""The backup of the night."""

from portal.kernel import jobs
from portal.kernel.keeping import backing


@jobs.daily("02:15", name="kernel.keeping.backup", transaction=False)
def backup() -> None:
    """Make and verify the daily backup, where a folder for it is set."""
    backing.nightly()
