"""The baseline: the least work of Flask with a body."""

from typing import Any, Final

from flask import Flask, Response, request

APP: Final = "tests.bench.floor:new_floor()"


def new_floor() -> Flask:
    """Return an application with its own body as the answer of every hook."""
    app = Flask("floor")

    @app.post("/<path:hook>")
    def echo(hook: str) -> Any:  # noqa: ANN401, ARG001  any JSON value; any hook
        return request.get_json()

    @app.get("/readyz")
    def readyz() -> Response:
        return Response()

    return app
