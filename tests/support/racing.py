"""Several at once: what a double click, two fulfillers or two servers do."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def together(*works: Callable[[], Any], wait: float = 30) -> list[Any]:
    """Run all works at the same moment, each in a thread of its own; their results in order, and the first error is raised."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        gate.wait(wait)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(wait) for future in [pool.submit(run, work) for work in works]]


def at_once(number: int, work: Callable[[int], Any], wait: float = 60) -> Sequence[Any]:
    """Run ``work(0)`` to ``work(number - 1)`` at the same moment."""
    return together(*[lambda place=place: work(place) for place in range(number)], wait=wait)  # type: ignore[misc]  # a default keeps the loop's value
