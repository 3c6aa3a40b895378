"""A sync that keeps its token: time, rate, and cost at growing numbers of bindings."""

import os
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from statistics import median, quantiles
from typing import Final

from tests.bench.bodies import new_binding, one_account, settled
from tests.bench.caller import PARALLEL, clocked, connected, flood
from tests.service import Service

REQUESTS: Final = 3000  # over one connection
ROUNDS: Final = 5
ROUND: Final = 60  # requests a connection
SIZES: Final = (10, 100, 1000, 10_000)  # bindings
SECRETS: Final = (1, 10, 100, 1000)  # Secrets of a ServiceAccount
SYNCS: Final = 2000  # of each size
LARGE_SYNCS: Final = 300
IDENTITIES: Final = 50


def show_latency(service: Service, body: bytes) -> None:
    """Print the time of a request over one connection, in ms."""
    with connected(service) as post:
        for _ in range(REQUESTS // 20):  # warm-up
            post("/sync", body)
        before = service.cpu_seconds()
        times = [1e3 * clocked(post, "/sync", body) for _ in range(REQUESTS)]
    cpu = 1e3 * (service.cpu_seconds() - before) / REQUESTS
    p95 = quantiles(times, n=20)[-1]
    print(f"/sync over one connection, {REQUESTS} requests; body of {len(body)} bytes")
    print(f"  median {median(times):.2f} ms  p95 {p95:.2f} ms  CPU {cpu:.2f} ms")


def show_throughput(service: Service, body: bytes) -> None:
    """Print the requests per second over several connections, on one core and on two."""
    bodies = [body] * (PARALLEL * ROUND)
    every = os.sched_getaffinity(0)
    print(f"\n/sync over {PARALLEL} connections at once, {ROUNDS} rounds of {len(bodies)}")
    for cores in (set(sorted(every)[:1]), set(sorted(every)[:2])):
        service.pin(cores)
        times = [clocked(flood, service, bodies) for _ in range(ROUNDS)]
        rate = len(bodies) / median(times)
        print(f"  the service on {len(cores)} core(s): median {rate:.0f} requests/s")
    service.pin(every)


def settled_bodies(service: Service, server: str) -> Sequence[bytes]:
    """Return a body for each binding; the bindings share a few identities."""
    with connected(service) as post:
        return [settled(post, new_binding(server, n, IDENTITIES)) for n in range(SIZES[-1])]


def show_growth(service: Service, bodies: Sequence[bytes]) -> None:
    """Print the cost of a sync among more and more bindings, and on a shared ServiceAccount."""
    print(f"\nCPU of a sync among many bindings, {SYNCS} each")
    for size in SIZES:
        some = list(islice(cycle(bodies[:size]), SYNCS))
        show_cost(service, f"{size} bindings", "/sync", some)
    print("\nCPU of the sync of a ServiceAccount that many bindings target")
    for size in SECRETS:
        some = [one_account(bodies[:size])] * max(5, SYNCS // size)
        show_cost(service, f"{size} Secrets", "/serviceaccount/sync", some)


def show_large(service: Service, large: Mapping[str, bytes]) -> None:
    """Print the cost of each hook in *large* with its body."""
    print(f"\nCPU of large bodies, {LARGE_SYNCS} each")
    for path, body in large.items():
        show_cost(service, path, path, [body] * LARGE_SYNCS)


def show_cost(service: Service, name: str, path: str, bodies: Sequence[bytes]) -> None:
    """Print the processor time of the worker for each of *bodies*."""
    before = service.cpu_seconds()
    with connected(service) as post:
        for body in bodies:
            post(path, body)
    used = 1e3 * (service.cpu_seconds() - before) / len(bodies)
    print(f"  {name:<20} {used:7.2f} ms; body of {len(bodies[0])} bytes")
