"""The `portal` command with its clock set to the story's day: what the browser tests start as their server."""

import sys

import time_machine

from tests.support.story import STORY


def main() -> None:
    """Run `portal` with the arguments given; time goes on from the story's first moment."""
    with time_machine.travel(STORY, tick=True):
        from portal.cli import main as portal

        portal()


if __name__ == "__main__":
    sys.exit(main())
