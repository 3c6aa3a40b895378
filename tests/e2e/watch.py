"""Watches the objects of one kind.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import requests

from tests.e2e.api import Api, Object, path_of

WATCH_SECONDS: Final = 3600


@contextmanager
def watching(
    api: Api, kind: str, note: Callable[[str, Object], None], namespace: str = ""
) -> Iterator[threading.Event]:
    """Call *note* with the type and the object of each event; yield whether the watch has ended.

    Without *namespace*, watch all Namespaces. Only the watching thread closes its connection, at
    the first event after the block: `close` would wait for the thread.
    """
    over, ended = threading.Event(), threading.Event()
    query = {"watch": "1", "timeoutSeconds": str(WATCH_SECONDS)}
    url = f"{api.url}{path_of(kind, namespace)}"
    own = api.as_user(api.user)  # with a session of its own
    response = own.session.get(url, params=query, stream=True, timeout=(5, None))

    def run() -> None:
        with response, suppress(requests.RequestException):  # the API server may end first
            for line in response.iter_lines(chunk_size=None):
                if over.is_set():
                    return
                event = json.loads(line)
                note(event["type"], event["object"])
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield ended
    finally:
        over.set()
