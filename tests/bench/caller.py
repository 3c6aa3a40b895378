"""Calls a service, and measures the time."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Final

from tests.bench.bodies import Post
from tests.service import Service

PARALLEL: Final = 8  # connections


@contextmanager
def connected(service: Service) -> Iterator[Post]:
    """Yield a function that posts a body to a hook over one connection, and returns the answer."""
    connection = HTTPConnection(*service.address, timeout=60)

    def post(path: str, body: bytes) -> bytes:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status == 429:  # Metacontroller retries too
            time.sleep(int(answer.headers["Retry-After"]))
            return post(path, body)
        if answer.status != 200:
            raise RuntimeError(f"HTTP {answer.status}: {data!r}")
        return data

    try:
        yield post
    finally:
        connection.close()


def clocked(call: Callable[..., object], *args: object) -> float:
    """Return the duration of *call* in seconds."""
    began = time.perf_counter()
    call(*args)
    return time.perf_counter() - began


def flood(service: Service, bodies: Sequence[bytes], parallel: int = PARALLEL) -> None:
    """Post *bodies* to /sync over *parallel* connections."""

    def post_all(part: Iterable[bytes]) -> None:
        with connected(service) as post:
            for body in part:
                post("/sync", body)

    with ThreadPoolExecutor(parallel) as threads:
        list(threads.map(post_all, (bodies[n::parallel] for n in range(parallel))))
