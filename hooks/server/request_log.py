"""What is told of a call of a hook: one line in the log, and metrics.

Metacontroller sends nothing by which it knows a call of its own, so a line has no such field.
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

HEALTH: Final = frozenset({"/healthz", "/readyz"})  # calls that nothing is told of
OUTCOMES: Final = {401: "unauthorized", 429: "busy"}
LEVELS: Final = {"ok": logging.INFO, "error": logging.ERROR}  # any other outcome is a warning
log = logging.getLogger(__name__)


def watch(app: Flask, hooks: Set[str]) -> None:
    """Tell of each call of *app*; *hooks* are the paths of its hooks."""
    metrics.prepare(hooks)
    app.before_request(_begin)

    @app.after_request
    def end(response: Response) -> Response:
        if request.path not in HEALTH:
            _tell(request.path if request.path in hooks else None, response.status_code)
        return response


def note(**facts: object) -> None:
    """Add *facts* to what the line will say of this call."""
    g.facts |= facts


def note_object(obj: object) -> None:
    """Add whom the call is about: *obj* is the object in its body, of whatever shape."""
    meta = obj.get("metadata") if isinstance(obj, dict) else None
    if isinstance(meta, dict):
        note(**{key: _cut(meta.get(key)) for key in ("namespace", "name", "uid")})


def note_reply(reply: Reply) -> None:
    """Add and count the facts about *reply*, and add the reason of its condition Ready."""
    if reply.token is not None:
        note(token=reply.token)
    if reply.mint_reason is not None:
        note(mint_reason=reply.mint_reason)
        metrics.observe_token_request(reply.mint_reason)
    if reply.remaining is not None:
        metrics.observe_served(reply.remaining)
    conditions = reply.body.get("status", {}).get("conditions")
    if conditions:
        note(reason=conditions[0]["reason"])


def note_bug(error: Exception, number: str) -> None:
    """Add a traceback."""
    g.error = error
    note(bug=number)


def _begin() -> None:
    g.started, g.facts, g.error = time.perf_counter(), {}, None


def _tell(hook: str | None, status: int) -> None:
    seconds = time.perf_counter() - g.started
    outcome = _outcome(status)
    metrics.observe_request(hook or metrics.OTHER, outcome, seconds)
    facts = {
        "hook": hook or _cut(request.path),
        **g.facts,
        "outcome": outcome,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
    }
    level = LEVELS.get(outcome, logging.WARNING)
    log.log(level, "hook", exc_info=g.error, extra={FIELDS: facts})


def _outcome(status: int) -> str:
    if status < 400:  # noqa: PLR2004  HTTP
        return "ok"
    return OUTCOMES.get(status) or ("bad_request" if status < 500 else "error")  # noqa: PLR2004


def _cut(name: object) -> object:
    return name[:MAX_NAME_LENGTH] if isinstance(name, str) else None
