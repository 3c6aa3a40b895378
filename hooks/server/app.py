"""The Flask application: routes, authentication and error responses.

This module does not import `hooks.mint`: the caller passes the function that requests tokens.
"""

import hmac
import json
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, Unauthorized

from hooks.core.errors import BadRequest, Busy
from hooks.core.fields import JSON
from hooks.core.model.token import Outcome, TokenRequest
from hooks.handlers import Clock, Hooks, Minting, Reply
from hooks.limits import FairShare
from hooks.log import redact
from hooks.server import request_log
from hooks.server.body import MAX_BODY_BYTES, is_large, new_share, received
from hooks.server.probes import health_checks
from hooks.settings.environment import Settings, read_hook_tokens
from hooks.settings.parse import SettingsError

MAX_ERROR_CHARACTERS: Final = 500
BUSY_SECONDS: Final = 2


def create_app(
    settings: Settings, mint: Minting, clock: Clock, mint_at_once: Minting | None = None
) -> Flask:
    """Return the application; *mint* requests tokens, *clock* returns the time in UTC.

    *mint_at_once* does not wait for the token. The large calls use it, because a waiting call keeps
    its memory. The default is *mint*.
    """
    app = Flask("hooks", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False

    def mint_by_size(wanted: TokenRequest, newer_than: datetime | None, namespace: str) -> Outcome:
        chosen = mint_at_once if mint_at_once is not None and is_large() else mint
        return chosen(wanted, newer_than, namespace)

    hooks = Hooks(settings.policy, mint_by_size, clock, settings.apis)
    share = new_share()
    routes = {
        "/sync": hooks.sync,
        "/finalize": hooks.finalize,
        "/customize": hooks.customize,
        "/clusterbinding/sync": hooks.sync_cluster,
        "/clusterbinding/customize": hooks.customize_cluster,
        "/serviceaccount/sync": hooks.decorate,
        "/serviceaccount/customize": hooks.decorate_customize,
        "/secret/sync": hooks.take_over,
        "/secret/customize": hooks.take_over_customize,
    }
    request_log.instrument(app, routes.keys())
    for path, hook in routes.items():
        app.add_url_rule(path, path, _view(path, hook, share), methods=["POST"])
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


def _view(path: str, hook: Callable[[JSON], Reply], share: FairShare) -> Callable[[], Response]:
    key = "object" if path in {"/serviceaccount/sync", "/secret/sync"} else "parent"

    def view() -> Response:
        with received(share, key) as body:
            request_log.add_object(body.get(key))
            reply = hook(body)
            request_log.add_reply(reply)
            return _json(reply.body)

    return view


def _authorize(settings: Settings) -> None:
    """Reject a call without a valid hook token, because the hooks return registry tokens.

    Each call reads the token files again. A rotated Secret takes effect without a restart.

    Raises:
        Unauthorized: The request has no bearer token, or a wrong token.
        SettingsError: A token file is unreadable or empty.
    """
    if settings.hook_token_file is None or request.path in request_log.HEALTH:
        return
    tokens = read_hook_tokens(settings.hook_token_file, settings.hook_token_rotation_file)
    given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    # The list compares all tokens: the duration must not depend on which token matches.
    if not any([hmac.compare_digest(given, b"Bearer " + token) for token in tokens]):  # noqa: C419
        raise Unauthorized(
            "Authorization: not the bearer token in HOOK_TOKEN_FILE (Secret acrpull-hook-token); "
            "e.g. Bearer abc"
        )


def _health_view(check_health: Callable[[], bool]) -> Callable[[], Response]:
    return lambda: _json({"status": "ok"}) if check_health() else _json({"status": "no"}, 503)


def _json(body: JSON, status: int = 200) -> Response:
    text = json.dumps(body, separators=(",", ":"))
    return Response(f"{text}\n", status, mimetype="application/json")


def _error(status: int, text: str) -> Response:
    text = redact(text)[:MAX_ERROR_CHARACTERS]  # may quote a key from the body
    request_log.add(why=text)
    return _json({"error": text}, status)


def _busy(error: Busy) -> Response:
    """Return a response with Retry-After: Metacontroller retries without an Event and a backoff.

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
    """Return the response to an unexpected error. Metacontroller puts its text into an Event."""
    number = uuid.uuid4().hex[:8]
    request_log.add_bug(error, number)
    return _json({"error": f"internal error {number}; the service's log has its traceback"}, 500)
