"""Readiness and liveness: the checks, and a separate listener for probes."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from hooks.budget import READY_SECONDS
from hooks.log import FIELDS
from hooks.server import listener
from hooks.server.listener import Listener, Page
from hooks.settings.environment import Settings, read_hook_tokens
from hooks.settings.parse import SettingsError

# No hook takes this long, so the threads will not recover.
ALIVE_SECONDS: Final = 60
LIMITS: Final = {"/readyz": READY_SECONDS, "/healthz": ALIVE_SECONDS}
log = logging.getLogger(__name__)


def health_checks(settings: Settings) -> dict[str, Callable[[], bool]]:
    """Return the check of each path: the process is alive, and the process can serve hooks."""
    return {"/healthz": lambda: True, "/readyz": lambda: _is_ready(settings)}


def _is_ready(settings: Settings) -> bool:
    try:
        if settings.hook_token_file is not None:
            read_hook_tokens(settings.hook_token_file, settings.hook_token_rotation_file)
    except SettingsError as error:
        log.warning("not ready", extra={FIELDS: {"why": str(error)}})
        return False
    return True


def serve_probes(
    bind: str, checks: Mapping[str, Callable[[], bool]], unanswered: Callable[[], float]
) -> Listener:
    """Return a listener that serves probes at *bind*, "host:port".

    The status is 200 if the path's check in *checks* is true and the hooks respond, otherwise 503.
    *unanswered* returns the seconds since a thread of the hooks was last free.
    """
    pages = {path: partial(_probe, path, check, unanswered) for path, check in checks.items()}
    return listener.serve(bind, pages, "health")


def _probe(path: str, check: Callable[[], bool], unanswered: Callable[[], float]) -> Page:
    seconds = unanswered()
    if seconds > LIMITS[path]:
        why = f"No thread was free to answer a hook for {seconds:.0f} s."
        log.warning("probe failed", extra={FIELDS: {"path": path, "why": why}})
        return Page(503)
    return Page(200 if check() else 503)
