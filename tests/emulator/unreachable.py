"""Addresses of loopback without a server: connections are refused, or time out.

AKS's restriction of IMDS looks to a Pod like the second: connections time out.
https://learn.microsoft.com/azure/aks/imds-restriction
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_LOOPBACK = ("127.0.0.1", 0)
_MORE_THAN_ENOUGH = 3


@contextmanager
def refusing() -> Iterator[str]:
    """Yield a `host:port` that refuses every connection: bound, but not listening."""
    with socket.socket() as bound:
        bound.bind(_LOOPBACK)
        yield _address(bound)


@contextmanager
def silent() -> Iterator[str]:
    """Yield a silent `host:port`: its queue is full, so Linux drops further connections."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(_LOOPBACK)
        listener.listen(0)
        for _ in range(_MORE_THAN_ENOUGH):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield _address(listener)


def _address(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    return f"{host}:{port}"
