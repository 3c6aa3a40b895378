"""Probes on a listener of their own."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from hooks.listener import Listener, Page
from hooks.listener import serve as serve_pages
from hooks.log import FIELDS

# Metacontroller gives up after as long: `timeout` in metacontroller/composite.yaml.
READY_SECONDS: Final = 10
# No hook takes as long, so the threads will not recover.
ALIVE_SECONDS: Final = 60
LIMITS: Final = {"/readyz": READY_SECONDS, "/healthz": ALIVE_SECONDS}
log = logging.getLogger(__name__)


def serve(
    bind: str, checks: Mapping[str, Callable[[], bool]], unanswered: Callable[[], float]
) -> Listener:
    """Return a listener that answers probes at *bind*, "host:port".

    The answer is 200 if the check of the path in *checks* is true and the hooks answer, else 503.
    *unanswered* returns the seconds since a thread of the hooks was last free to answer.
    """
    pages = {path: partial(_probe, path, check, unanswered) for path, check in checks.items()}
    return serve_pages(bind, pages, "health")


def _probe(path: str, check: Callable[[], bool], unanswered: Callable[[], float]) -> Page:
    seconds = unanswered()
    if seconds > LIMITS[path]:
        why = f"No thread was free to answer a hook for {seconds:.0f} s."
        log.warning("probe failed", extra={FIELDS: {"path": path, "why": why}})
        return Page(503)
    return Page(200 if check() else 503)
