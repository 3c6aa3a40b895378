"""The request log: a line and metrics for each request.

A line has no request ID, because Metacontroller sends none.
metacontroller@v4.17.2:pkg/hooks/webhook.go:206
"""

import logging
import time
from collections.abc import Set
from typing import Final

from flask import Flask, Response, g, request

from hooks import metrics
from hooks.core.names import MAX_NAME_LENGTH
from hooks.handlers import Reply
from hooks.log import FIELDS

HEALTH: Final = frozenset({"/healthz", "/readyz"})  # neither logged nor counted
OUTCOME_BY_STATUS: Final = {401: "unauthorized", 429: "busy"}
LEVELS: Final = {"ok": logging.INFO, "error": logging.ERROR}  # any other outcome is a warning
log = logging.getLogger(__name__)


def instrument(app: Flask, hooks: Set[str]) -> None:
    """Log and count each request to *app*; *hooks* are the paths of its hooks."""
    metrics.prepare(hooks)
    app.before_request(_begin)

    @app.after_request
    def end(response: Response) -> Response:
        if request.path not in HEALTH:
            _emit(request.path if request.path in hooks else None, response.status_code)
        return response


def add(**fields: object) -> None:
    """Add *fields* to the log line of the current request."""
    g.fields |= fields


def add_object(obj: object) -> None:
    """Add namespace, name and uid of *obj*, the unchecked parent object in the body."""
    meta = obj.get("metadata") if isinstance(obj, dict) else None
    if isinstance(meta, dict):
        add(**{key: _cut(meta.get(key)) for key in ("namespace", "name", "uid")})


def add_reply(reply: Reply) -> None:
    """Add and count the facts about *reply*, and add the reason of the condition Ready."""
    if reply.token is not None:
        add(token=reply.token)
    if reply.mint_reason is not None:
        add(mint_reason=reply.mint_reason)
        metrics.observe_token_request(reply.mint_reason)
    if reply.remaining is not None:
        metrics.observe_served(reply.remaining)
    conditions = reply.body.get("status", {}).get("conditions")
    if conditions:
        add(reason=conditions[0]["reason"])


def add_bug(error: Exception, number: str) -> None:
    """Add the traceback of *error*, and *number*, shown to the caller."""
    g.error = error
    add(bug=number)


def _begin() -> None:
    g.started, g.fields, g.error = time.perf_counter(), {}, None


def _emit(hook: str | None, status: int) -> None:
    seconds = time.perf_counter() - g.started
    outcome = _outcome(status)
    metrics.observe_request(hook or metrics.OTHER, outcome, seconds)
    fields = {
        "hook": hook or _cut(request.path),
        **g.fields,
        "outcome": outcome,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
    }
    level = LEVELS.get(outcome, logging.WARNING)
    log.log(level, "hook", exc_info=g.error, extra={FIELDS: fields})


def _outcome(status: int) -> str:
    if status < 400:  # noqa: PLR2004  HTTP
        return "ok"
    return OUTCOME_BY_STATUS.get(status) or ("bad_request" if status < 500 else "error")  # noqa: PLR2004


def _cut(name: object) -> object:
    return name[:MAX_NAME_LENGTH] if isinstance(name, str) else None
