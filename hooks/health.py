"""Probes on a listener of their own."""

from collections.abc import Callable, Mapping
from functools import partial
from http.server import ThreadingHTTPServer

from hooks.listener import Page
from hooks.listener import serve as serve_pages


def serve(bind: str, checks: Mapping[str, Callable[[], bool]]) -> ThreadingHTTPServer:
    """Answer probes at *bind*, "host:port", from a thread; return the server.

    *checks* says for each path whether all is well: 200 if so, else 503.
    """
    pages = {path: partial(_probe, check) for path, check in checks.items()}
    return serve_pages(bind, pages, "health")


def _probe(check: Callable[[], bool]) -> Page:
    return Page(200 if check() else 503)
