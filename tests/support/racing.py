"""Several at once: what a double click, two fulfillers or two servers do."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from portal.kernel import unit_of_work
from portal.kernel.db import db
from portal.kernel.errors import PortalError


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


def race(app: Flask, work: Callable[[int], Any], path: str, ways: int) -> Counter[str]:
    """Let threads do ``work(number)`` at once in requests to ``path``, each in a unit of work; how often each outcome came."""
    db.session.remove()  # what this thread reads afterwards must not come from before the race
    gate, outcomes = threading.Barrier(ways), list[str]()

    def one(number: int) -> None:
        with app.test_request_context(path, method="POST"):
            gate.wait()
            try:
                outcomes.append(str(unit_of_work.run(lambda: work(number))))
            except PortalError as error:
                outcomes.append(type(error).__name__)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(ways)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == ways, outcomes
    return Counter(outcomes)
