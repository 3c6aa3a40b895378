"""The HTTP service: routes, and how errors become answers. Never imports a source of tokens."""

import hmac
import json
import logging
import uuid
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, Unauthorized

from hooks.core.errors import BadRequest, Busy
from hooks.core.fields import JSON
from hooks.handlers import Clock, Hooks, Minting, Reply
from hooks.limits import Bulkhead
from hooks.log import FIELDS, redact
from hooks.server import request_log as call
from hooks.server.body import MAX_BODY_BYTES, new_bulkhead, received
from hooks.settings.parse import SettingsError
from hooks.settings.settings import Settings, read_hook_tokens

MAX_ERROR_CHARACTERS: Final = 500
BUSY_SECONDS: Final = 2
log = logging.getLogger(__name__)


def create_app(settings: Settings, mint: Minting, clock: Clock) -> Flask:
    """Return the service; *mint* gets tokens, *clock* returns the time in UTC."""
    app = Flask("hooks", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    hooks = Hooks(settings.policy, mint, clock, settings.apis)
    bulkhead = new_bulkhead()
    routes = {
        "/sync": hooks.sync,
        "/finalize": hooks.finalize,
        "/customize": hooks.customize,
        "/serviceaccount/sync": hooks.decorate,
        "/serviceaccount/customize": hooks.decorate_customize,
        "/secret/sync": hooks.take_over,
        "/secret/customize": hooks.take_over_customize,
    }
    call.watch(app, routes.keys())
    for path, hook in routes.items():
        app.add_url_rule(path, path, _view(path, hook, bulkhead), methods=["POST"])
    for path, check_health in health_checks(settings).items():
        app.add_url_rule(path, path, _health_view(check_health))
    app.before_request(lambda: _authorize(settings))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(BadRequest, lambda error: _error(400, str(error)))
    app.register_error_handler(RecursionError, lambda _: _error(400, "body: nested too deep"))
    app.register_error_handler(Busy, _busy)
    app.register_error_handler(SettingsError, lambda error: _error(503, str(error)))
    app.register_error_handler(Exception, _bug)
    return app


def _view(path: str, hook: Callable[[JSON], Reply], bulkhead: Bulkhead) -> Callable[[], Response]:
    key = "object" if path in {"/serviceaccount/sync", "/secret/sync"} else "parent"

    def view() -> Response:
        with received(bulkhead, key) as body:
            call.note_object(body.get(key))
            reply = hook(body)
            call.note_reply(reply)
            return _json(reply.body)

    return view


def _authorize(settings: Settings) -> None:
    """Refuse a caller without a bearer token of ours: whoever may call gets tokens.

    The files are read each time, so that a rotated Secret needs no restart.
    """
    if settings.hook_token_file is None or request.path in call.HEALTH:
        return
    tokens = read_hook_tokens(settings.hook_token_file, settings.hook_token_rotation_file)
    given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    # A list, so that all are compared: the time it takes doesn't tell which one it was.
    if not any([hmac.compare_digest(given, b"Bearer " + token) for token in tokens]):  # noqa: C419
        raise Unauthorized(
            "Authorization: not the bearer token in HOOK_TOKEN_FILE, which is of Secret "
            "acrpull-hook-token; e.g. Bearer abc"
        )


def health_checks(settings: Settings) -> dict[str, Callable[[], bool]]:
    """Return, by path, what tells that the process is up, and that it can serve."""
    return {"/healthz": lambda: True, "/readyz": lambda: _is_ready(settings)}


def _is_ready(settings: Settings) -> bool:
    try:
        if settings.hook_token_file is not None:
            read_hook_tokens(settings.hook_token_file, settings.hook_token_rotation_file)
    except SettingsError as error:
        log.warning("not ready", extra={FIELDS: {"why": str(error)}})
        return False
    return True


def _health_view(check_health: Callable[[], bool]) -> Callable[[], Response]:
    return lambda: _json({"status": "ok"}) if check_health() else _json({"status": "no"}, 503)


def _json(body: JSON, status: int = 200) -> Response:
    text = json.dumps(body, separators=(",", ":"))
    return Response(f"{text}\n", status, mimetype="application/json")


def _error(status: int, text: str) -> Response:
    text = redact(text)[:MAX_ERROR_CHARACTERS]  # it may quote a key of the caller's
    call.note(why=text)
    return _json({"error": text}, status)


def _busy(error: Busy) -> Response:
    """Return a response after which Metacontroller calls again, without an Event and a backoff.

    metacontroller@v4.17.2:pkg/hooks/webhook.go:218, pkg/controller/composite/controller.go:368
    """
    response = _error(429, f"{error} Retrying in {BUSY_SECONDS} s.")
    response.headers["Retry-After"] = str(BUSY_SECONDS)
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 413:  # noqa: PLR2004  HTTP
        return _error(status, f"body: over {MAX_BODY_BYTES} bytes")
    return _error(status, error.description or error.name)


def _bug(error: Exception) -> Response:
    """Answer for an error that nobody foresaw; Metacontroller puts the text into an Event."""
    number = uuid.uuid4().hex[:8]
    call.note_bug(error, number)
    return _json({"error": f"internal error {number}; the service's log has its traceback"}, 500)
