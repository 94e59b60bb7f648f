"""Calls that start together, each in a thread of its own: for what two people do in the same moment."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run all calls from one starting gate; their results in the order of ``calls``. The first exception is raised here."""
    results: dict[int, T] = {}
    failures: list[BaseException] = []
    gate = threading.Barrier(len(calls))

    def run(place: int, call: Callable[[], T]) -> None:
        gate.wait()
        try:
            results[place] = call()
        except BaseException as error:  # raised again below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(place, call)) for place, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [results[place] for place in range(len(calls))]
