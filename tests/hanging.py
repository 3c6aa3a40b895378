"""An app whose hooks never answer, in the place of the service."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

NEVER = threading.Event()


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer a GET, and hold the thread of any other request."""
    if environ["REQUEST_METHOD"] != "GET":
        NEVER.wait(60)
    start_response("200 OK", [("Content-Length", "0")])
    return []
