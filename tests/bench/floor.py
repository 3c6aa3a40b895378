"""The floor: the least that Flask does with a body."""

from typing import Any, Final

from flask import Flask, Response, request

APP: Final = "tests.bench.floor:new_floor()"


def new_floor() -> Flask:
    """Return an application that answers every hook with its own body."""
    app = Flask("floor")

    @app.post("/<path:hook>")
    def echo(hook: str) -> Any:  # noqa: ANN401, ARG001  any JSON value; any hook
        return request.get_json()

    @app.get("/readyz")
    def readyz() -> Response:
        return Response()

    return app
