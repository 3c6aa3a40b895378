"""A sync that keeps its token: time, rate, and cost at growing numbers of bindings."""

import os
from collections.abc import Sequence
from itertools import cycle, islice
from statistics import median, quantiles
from typing import Final

from tests.bench.bodies import new_binding, one_namespace, settled
from tests.bench.caller import PARALLEL, clocked, connected, flood, spread
from tests.service import Service

NAMES: Final = ("/sync", "bare route")
BLOCKS: Final = 25  # of each route
BLOCK: Final = 120  # requests
ROUNDS: Final = 5  # of each route
ROUND: Final = 60  # requests a connection
SIZES: Final = (10, 100, 1000, 10_000)  # bindings
NAMESPACE_SIZES: Final = (10, 100, 1000)  # bindings of a Namespace; a body with 10,000 is rejected
SYNCS: Final = 2000  # of each size


def show_latency(ours: Service, floor: Service, body: bytes) -> None:
    """Print the time of a request over one connection, in ms."""
    pairs = []
    with connected(ours) as to_ours, connected(floor) as to_floor:
        both = (to_ours, to_floor)
        for post in both:
            [post("/sync", body) for _ in range(BLOCK)]  # warm-up
        before = ours.cpu_seconds(), floor.cpu_seconds()
        for _ in range(BLOCKS):
            pairs.append([[clocked(post, "/sync", body) for _ in range(BLOCK)] for post in both])
    cpu = ours.cpu_seconds() - before[0], floor.cpu_seconds() - before[1]
    print(f"One connection, {BLOCKS} blocks of {BLOCK} requests each; body of {len(body)} bytes")
    for name, blocks, used in zip(NAMES, zip(*pairs, strict=True), cpu, strict=True):
        times = [1e3 * seconds for block in blocks for seconds in block]
        p95, mine = quantiles(times, n=20)[-1], 1e3 * used / len(times)
        print(f"  {name:<11} median {median(times):.2f} ms  p95 {p95:.2f} ms  CPU {mine:.2f} ms")
    ratios = [median(sync) / median(bare) for sync, bare in pairs]
    print(f"  ratio       {spread(ratios)}; of CPU {cpu[0] / cpu[1]:.2f}")


def show_throughput(ours: Service, floor: Service, body: bytes) -> None:
    """Print the requests per second over several connections, on one core and on two."""
    bodies = [body] * (PARALLEL * ROUND)
    every = os.sched_getaffinity(0)
    for cores in (set(sorted(every)[:1]), set(sorted(every)[:2])):
        for service in (ours, floor):
            service.pin(cores)
        pairs = [[clocked(flood, s, bodies) for s in (ours, floor)] for _ in range(ROUNDS)]
        rates = [len(bodies) / median(times) for times in zip(*pairs, strict=True)]
        print(f"\n{PARALLEL} connections at once, {ROUNDS} rounds of {len(bodies)}; "
              f"the service on {len(cores)} core(s)")  # fmt: skip
        for name, rate in zip(NAMES, rates, strict=True):
            print(f"  {name:<11} median {rate:.0f} requests/s")
        print(f"  ratio       {spread([sync / bare for sync, bare in pairs])}")
    for service in (ours, floor):
        service.pin(every)


def show_growth(ours: Service, floor: Service, server: str) -> None:
    """Print the cost of a sync among more and more bindings, and the cost of a large Namespace."""
    bodies = settled_bodies(ours, server, SIZES[-1])
    print(f"\nCost of a sync among many bindings, {SYNCS} each; CPU of the worker")
    for size in SIZES:
        some = list(islice(cycle(bodies[:size]), SYNCS))
        show_cost(ours, floor, f"{size} bindings", "/sync", some)
    print("\nCost of a ServiceAccount's sync with the Secrets of many bindings")
    for size in NAMESPACE_SIZES:
        some = [one_namespace(bodies[:size])] * max(5, SYNCS // size)
        show_cost(ours, floor, f"{size} bindings", "/serviceaccount/sync", some)


def settled_bodies(service: Service, server: str, count: int) -> Sequence[bytes]:
    """Return *count* bodies, one for each binding; the bindings share a few identities."""
    with connected(service) as post:
        return [settled(post, new_binding(server, number, 50)) for number in range(count)]


def show_cost(ours: Service, floor: Service, name: str, path: str, bodies: Sequence[bytes]) -> None:
    """Print the processor time of both services for *bodies*."""
    used = []
    for service in (ours, floor):
        before = service.cpu_seconds()
        with connected(service) as post:
            for body in bodies:
                post(path, body)
        used.append(1e3 * (service.cpu_seconds() - before) / len(bodies))
    print(f"  {name:<16} {used[0]:7.2f} ms, bare route {used[1]:7.2f} ms, "
          f"ratio {used[0] / max(used[1], 1e-3):.2f}; body of {len(bodies[0])} bytes")  # fmt: skip
