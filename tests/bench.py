"""Time and memory of a sync that keeps its token: `make bench`. Linux only.

Measured beside a bare Flask route that parses and echoes the same body, under the same gunicorn
settings, in turns: what disturbs the machine disturbs both.
"""

import cProfile
import gc
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stderr
from http.client import HTTPConnection
from io import BytesIO, StringIO
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles
from types import CodeType
from typing import Any, Final

from flask import Flask, Response, request
from werkzeug.test import EnvironBuilder

from hooks import log
from hooks.app import create_app
from hooks.core.model import MintFailed, Reason
from hooks.settings import Settings
from tests.demo import JSON, observed, sample
from tests.emulator import Emulator
from tests.emulator.settings import system_clock
from tests.service import Service

ROUTES: Final = ("/sync", "bare route")
FLOOR: Final = "tests.bench:new_floor()"
BODY_BYTES: Final = 8192
BLOCKS: Final = 25  # of each route
BLOCK: Final = 120  # requests
PARALLEL: Final = 8  # connections
ROUNDS: Final = 5  # of each route
ROUND: Final = 60  # requests a connection
CALLS: Final = 1000  # of the application in this process
SHOWN: Final = 8  # functions
SYNCS: Final = 10_000
BINDINGS: Final = 300
IDENTITIES: Final = 60
MIB: Final = 2**20  # bytes
UID: Final = "2222-4c4c-9d1c-0a1f3f0c6a11"  # the end of one
NAMESPACE_UID: Final = f"5bd1d1c0-{UID}"
CREATED: Final = "2026-11-23T08:59:20Z"


def main() -> None:
    """Measure, and print."""
    started = time.monotonic()
    with ExitStack() as stack:
        emulator = stack.enter_context(Emulator())
        ours = stack.enter_context(Service(emulator.environment()))
        floor = stack.enter_context(Service({}, FLOOR))
        with connected(ours) as post:
            body = settled(post, sample(emulator.acr_server))
        show_latency(ours, floor, body)
        show_throughput(ours, floor, body)
        show_profile(emulator, body)
        show_memory(emulator)
    print(f"\n{time.monotonic() - started:.0f} s in all")


def new_floor() -> Flask:
    """Return the least that Flask can do with a body."""
    app = Flask("floor")

    @app.post("/sync")
    def echo() -> Any:  # noqa: ANN401  any JSON value
        return request.get_json()

    @app.get("/readyz")
    def readyz() -> Response:
        return Response()

    return app


Post = Callable[[bytes], bytes]


@contextmanager
def connected(service: Service) -> Iterator[Post]:
    """Yield what posts a body to /sync over one connection, and returns the answer's."""
    connection = HTTPConnection(*service.address, timeout=10)

    def post(body: bytes) -> bytes:
        connection.request("POST", "/sync", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"HTTP {answer.status}: {data!r}")
        return data

    try:
        yield post
    finally:
        connection.close()


def settled(post: Post, binding: JSON) -> bytes:
    """Return the body for *binding* after which nothing is left to do: its token is kept."""
    answer: JSON = json.loads(post(encode({"parent": binding})))
    for _ in range(5):
        before, body = answer, stored(binding, answer)
        answer = json.loads(post(encode(body)))
        if answer | {"resyncAfterSeconds": 0} == before | {"resyncAfterSeconds": 0}:
            return encode(padded(body))
    raise RuntimeError(f"it does not settle: {answer['status']}")


def stored(binding: JSON, answer: JSON) -> JSON:
    """Return the body that follows *answer*, with what the API server and the decorator add."""
    namespace = binding["metadata"]["namespace"]
    body = observed(binding, answer)
    added = {"creationTimestamp": CREATED, "labels": {"controller-uid": binding["metadata"]["uid"]}}
    for group in body["children"].values():
        for name, obj in group.items():
            group[name] = obj | {"metadata": added | obj["metadata"]}
    meta = {"name": namespace, "uid": NAMESPACE_UID, "creationTimestamp": CREATED}
    accounts = body["children"]["ServiceAccount.v1"]
    related = {"Namespace.v1": {namespace: {"metadata": meta}}, "ServiceAccount.v1": accounts}
    return body | {"related": related, "finalizing": False}


def padded(body: JSON) -> JSON:
    """Return *body* with as many managed fields in its parent as make it `BODY_BYTES` long."""
    entries: list[JSON] = []
    metadata = body["parent"]["metadata"] | {"creationTimestamp": CREATED, "managedFields": entries}
    body = body | {"parent": body["parent"] | {"metadata": metadata}}
    fields: JSON = {".": {}, "f:acrServer": {}, "f:managedIdentityClientID": {}, "f:scope": {}}
    while len(encode(body)) < BODY_BYTES:
        entry = {"manager": f"manager-{len(entries)}", "operation": "Update", "time": CREATED}
        entries.append(entry | {"fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}})
    return body


def encode(body: JSON) -> bytes:
    """Return *body* as Go encodes it: without blanks."""
    return json.dumps(body, separators=(",", ":")).encode()


def show_latency(ours: Service, floor: Service, body: bytes) -> None:
    """Print the time of a request over one connection, in ms."""
    pairs = []
    with connected(ours) as to_ours, connected(floor) as to_floor:
        clocked(to_ours, body), clocked(to_floor, body)  # to warm up
        before = ours.cpu_seconds(), floor.cpu_seconds()
        for _ in range(BLOCKS):
            pairs.append((clocked(to_ours, body), clocked(to_floor, body)))
    cpu = ours.cpu_seconds() - before[0], floor.cpu_seconds() - before[1]
    print(f"One connection, {BLOCKS} blocks of {BLOCK} requests each; body of {len(body)} bytes")
    for name, blocks, used in zip(ROUTES, zip(*pairs, strict=True), cpu, strict=True):
        times = [1e3 * seconds for block in blocks for seconds in block]
        p95, mine = quantiles(times, n=20)[-1], 1e3 * used / len(times)
        print(f"  {name:<11} median {median(times):.2f} ms  p95 {p95:.2f} ms  CPU {mine:.2f} ms")
    ratios = [median(sync) / median(bare) for sync, bare in pairs]
    print(f"  ratio       {spread(ratios)}; of CPU {cpu[0] / cpu[1]:.2f}")


def clocked(post: Post, body: bytes) -> list[float]:
    """Return the seconds that each request of a block took."""
    times = []
    for _ in range(BLOCK):
        began = time.perf_counter()
        post(body)
        times.append(time.perf_counter() - began)
    return times


def spread(ratios: Sequence[float]) -> str:
    """Return median and range of *ratios*, one for each pair of blocks."""
    return f"{median(ratios):.2f} (pairs of blocks: {min(ratios):.2f} to {max(ratios):.2f})"


def show_throughput(ours: Service, floor: Service, body: bytes) -> None:
    """Print the requests per second over several connections at once."""
    bodies = [body] * (PARALLEL * ROUND)
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for found, service in zip(rates, (ours, floor), strict=True):
            began = time.perf_counter()
            flood(service, bodies)
            found.append(len(bodies) / (time.perf_counter() - began))
    ratios = [bare / sync for sync, bare in zip(*rates, strict=True)]
    print(f"\n{PARALLEL} connections at once, {ROUNDS} rounds of {len(bodies)} requests each")
    for name, found in zip(ROUTES, rates, strict=True):
        print(f"  {name:<11} median {median(found):.0f} requests/s")
    print(f"  ratio       {spread(ratios)}")


def flood(service: Service, bodies: Sequence[bytes]) -> None:
    """Post *bodies* over `PARALLEL` connections."""

    def post_all(part: Iterable[bytes]) -> None:
        with connected(service) as post:
            for body in part:
                post(body)

    with ThreadPoolExecutor(PARALLEL) as threads:
        list(threads.map(post_all, (bodies[n::PARALLEL] for n in range(PARALLEL))))


def show_profile(emulator: Emulator, body: bytes) -> None:
    """Print where a sync's time goes within the application, without gunicorn and sockets."""
    with redirect_stderr(StringIO()):  # where log lines go from now on
        log.configure("INFO")
    settings = Settings.from_env(emulator.environment())
    failed = MintFailed(Reason.TIMEOUT, "the token was to be kept")
    ours = create_app(settings, lambda _request, _newer_than: failed, system_clock)
    sync, bare = (min(called(app, body) for _ in range(3)) for app in (ours, new_floor()))
    profile = cProfile.Profile()
    called(ours, body, profile)
    print(f"\nWithin the application: /sync {sync:.0f} us, bare route {bare:.0f} us")
    print("The most of /sync, own time under cProfile (which adds to it)")
    stats = sorted(profile.getstats(), key=lambda entry: -entry.inlinetime)
    for entry in stats[:SHOWN]:
        name = entry.code if isinstance(entry.code, str) else code_name(entry.code)
        micros, calls = entry.inlinetime / CALLS * 1e6, entry.callcount / CALLS
        print(f"  {micros:6.1f} us  {calls:5.1f} calls  {name}")


def code_name(code: CodeType) -> str:
    """Return file, line and name of *code*, without the folders that all have in common."""
    return f"{'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_firstlineno} {code.co_qualname}"


def called(app: Flask, body: bytes, profile: cProfile.Profile | None = None) -> float:
    """Return the microseconds that *app* takes for /sync with *body*."""
    builder = EnvironBuilder(
        path="/sync",
        method="POST",
        input_stream=BytesIO(body),
        content_type="application/json",
    )
    environs = [
        builder.get_environ() | {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        for _ in range(CALLS)
    ]
    gc.collect()
    gc.freeze()  # else all that this process holds beside the application would be walked
    with profile or nullcontext():
        began = time.perf_counter()
        for environ in environs:
            b"".join(app(environ, lambda _status, _headers, _info=None: bytes))
        return (time.perf_counter() - began) / CALLS * 1e6


def show_memory(emulator: Emulator) -> None:
    """Print the resident memory of the worker, of a service of its own."""
    with Service(emulator.environment()) as service:
        before = service.rss_bytes()
        bodies = []
        with connected(service) as post:
            for number in range(BINDINGS):
                identity = f"{number % IDENTITIES:08d}-2222-3333-4444-555555555555"
                binding = sample(emulator.acr_server, managedIdentityClientID=identity)
                binding["metadata"] |= {"name": f"app-{number}", "uid": f"{number:08d}-{UID}"}
                bodies.append(settled(post, binding))
        first = service.rss_bytes()
        flood(service, list(islice(cycle(bodies), SYNCS)))
        after = service.rss_bytes()
    print(f"\nResident memory of the worker, {BINDINGS} bindings of {IDENTITIES} identities")
    print(f"  after start {before / MIB:.1f} MiB, with every binding settled {first / MIB:.1f} MiB")
    print(f"  after {SYNCS} further syncs {after / MIB:.1f} MiB")


if __name__ == "__main__":
    main()
