"""What Prometheus is told. The only importer of prometheus_client.

No label has values that a caller chooses, so the number of series has an end, and none says which
binding, namespace, identity or registry. Each process counts for itself: see workers in
hooks/gunicorn_conf.py.
Names: https://prometheus.io/docs/practices/naming/
"""

import platform
from collections.abc import Iterable
from datetime import timedelta
from http.server import ThreadingHTTPServer
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from hooks import listener
from hooks.core.reason import Reason
from hooks.core.token import AcrToken, Hop, MintFailed, TokenRequest

# A series more for each that is, and process_start_time_seconds says it.
disable_created_metrics()  # type: ignore[no-untyped-call]

PATH: Final = "/metrics"
OUTCOMES: Final = ("ok", "bad_request", "unauthorized", "busy", "error")
OTHER: Final = "other"  # a path that is no hook's
INF: Final = float("inf")

HOOK_REQUESTS: Final = Counter(
    "acrpull_hook_requests_total", "Calls of hooks, by what came of them.", ["hook", "outcome"]
)
HOOK_SECONDS: Final = Histogram(
    "acrpull_hook_request_duration_seconds",
    "How long calls of hooks took.",
    ["hook"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, INF),
)
MINTS: Final = Counter(
    "acrpull_mints_total",
    "Tokens asked for, by the hop that was the last and what came of it.",
    ["hop", "reason"],
)
IN_FLIGHT: Final = Gauge("acrpull_mints_in_flight", "Tokens being asked for.")
CACHE_HITS: Final = Counter(
    "acrpull_mint_cache_hits_total", "Mints that were none: an earlier outcome was remembered."
)
SERVED_SECONDS: Final = Histogram(
    "acrpull_served_token_remaining_seconds",
    "How long the tokens in answers to /sync still worked; 0: expired.",
    buckets=(0, 60, 300, 600, 1200, 1800, 2700, 3600, 5400, 7200, 9000, 10800, INF),
)
BUILD: Final = Info("acrpull_build", "What runs.")


def prepare(hooks: Iterable[str]) -> None:
    """Show what alerts and panels ask for from the start: a series that begins at 1 has no rate."""
    for hop in Hop:
        MINTS.labels(hop, Reason.THROTTLED)
    for hop in (Hop.EXCHANGE, Hop.TOKEN):
        MINTS.labels(hop, Reason.TOKEN_VALID)
    for hook in hooks:
        HOOK_SECONDS.labels(hook)
        for outcome in OUTCOMES:
            HOOK_REQUESTS.labels(hook, outcome)


def observe_request(hook: str, outcome: str, seconds: float) -> None:
    """Count a call of *hook*, one that was prepared or `OTHER`."""
    HOOK_REQUESTS.labels(hook, outcome).inc()
    if hook != OTHER:
        HOOK_SECONDS.labels(hook).observe(seconds)


def observe_mint(request: TokenRequest, outcome: AcrToken | MintFailed) -> None:
    """Count what came of *request*."""
    hop = Hop.EXCHANGE if request.scope is None else Hop.TOKEN
    reason = Reason.TOKEN_VALID
    if isinstance(outcome, MintFailed):
        hop, reason = outcome.hop or hop, outcome.reason
    MINTS.labels(hop, reason).inc()


def observe_served(remaining: timedelta) -> None:
    """Count a token in an answer, by how long it still works."""
    SERVED_SECONDS.observe(max(0.0, remaining.total_seconds()))


def set_build(revision: str) -> None:
    """Say what runs."""
    BUILD.info({"revision": revision, "python": platform.python_version()})


def serve(bind: str) -> ThreadingHTTPServer:
    """Answer scrapes at *bind*, "host:port", from a thread; return the server."""
    return listener.serve(bind, {PATH: _page}, "metrics")


def _page() -> listener.Page:
    return listener.Page(200, generate_latest(), CONTENT_TYPE_PLAIN_0_0_4)
