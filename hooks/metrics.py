"""The metrics of acrpull. No other module imports prometheus_client.

No caller can choose the value of a label, so the number of series is bounded. No label names a
binding, a Namespace, an identity or a registry. Each process counts its own calls: see `workers` in
hooks/gunicorn_conf.py.
Names: https://prometheus.io/docs/practices/naming/
"""

import platform
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from hooks.core.exchange.steps import last_hop
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, Hop, Outcome, TokenRequest, failure_of
from hooks.core.renewal.decision import MintReason

# The `_created` series are redundant: process_start_time_seconds has the same time.
disable_created_metrics()  # type: ignore[no-untyped-call]

PATH: Final = "/metrics"
CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
OUTCOMES: Final = ("ok", "bad_request", "unauthorized", "busy", "error")
OTHER: Final = "other"  # any path that is not a hook
INF: Final = float("inf")

HOOK_REQUESTS: Final = Counter(
    "acrpull_hook_requests_total", "Hook calls, by hook and outcome.", ["hook", "outcome"]
)
HOOK_SECONDS: Final = Histogram(
    "acrpull_hook_request_duration_seconds",
    "Duration of hook calls.",
    ["hook"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, INF),
)
TOKEN_REQUESTS: Final = Counter(
    "acrpull_token_requests_total",
    "Calls of /sync that needed a new token, by reason.",
    ["reason"],
)
MINTS: Final = Counter(
    "acrpull_mints_total",
    "Token requests, by the step at which they ended and by reason; TokenValid means success.",
    ["hop", "reason"],
)
IN_FLIGHT: Final = Gauge("acrpull_mints_in_flight", "Token requests in flight.")
CACHE_HITS: Final = Counter(
    "acrpull_mint_cache_hits_total",
    "Token requests that the cache served, with a token or with a recent failure.",
)
SERVED_SECONDS: Final = Histogram(
    "acrpull_served_token_remaining_seconds",
    "Remaining lifetime of the tokens that /sync returned; 0 means expired.",
    buckets=(0, 60, 300, 600, 1200, 1800, 2700, 3600, 5400, 7200, 9000, 10800, INF),
)
LOST_LINES: Final = Counter(
    "acrpull_log_lines_lost_total", "Log lines that were lost because nothing read stderr."
)
BUILD: Final = Info("acrpull_build", "Version, revision and Python version of the running service.")


def prepare(hooks: Iterable[str]) -> None:
    """Create the series of alerts and panels with the value 0: a first value of 1 has no rate."""
    for why in MintReason:
        TOKEN_REQUESTS.labels(why)
    for hop in Hop:
        MINTS.labels(hop, Reason.THROTTLED)
    for hop in (Hop.EXCHANGE, Hop.TOKEN):
        MINTS.labels(hop, Reason.TOKEN_VALID)
    for hook in hooks:
        HOOK_SECONDS.labels(hook)
        for outcome in OUTCOMES:
            HOOK_REQUESTS.labels(hook, outcome)


def observe_request(hook: str, outcome: str, seconds: float) -> None:
    """Count a call of *hook*, a path from `prepare` or `OTHER`."""
    HOOK_REQUESTS.labels(hook, outcome).inc()
    if hook != OTHER:
        HOOK_SECONDS.labels(hook).observe(seconds)


def observe_token_request(reason: MintReason) -> None:
    """Count a call of /sync that needed a new token because of *reason*."""
    TOKEN_REQUESTS.labels(reason).inc()


def observe_mint(request: TokenRequest, outcome: Outcome) -> None:
    """Count *request* with its *outcome*."""
    hop, reason = last_hop(request), Reason.TOKEN_VALID
    if not isinstance(outcome, AcrToken):
        failed = failure_of(outcome)
        hop, reason = failed.hop or hop, failed.reason
    MINTS.labels(hop, reason).inc()


def observe_served(remaining: timedelta) -> None:
    """Count a token that /sync returned, by its *remaining* lifetime."""
    SERVED_SECONDS.observe(max(0.0, remaining.total_seconds()))


def set_build(version: str, revision: str) -> None:
    """Set the labels of acrpull_build_info."""
    python = platform.python_version()
    BUILD.info({"version": version, "revision": revision, "python": python})


def exposition() -> bytes:
    """Return all metrics as text of `CONTENT_TYPE`."""
    return generate_latest()
