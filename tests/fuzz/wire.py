"""A client that sends any bytes, and reads all answers.

This module knows HTTP's responses, but no requests.
"""

import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

PATIENCE_SECONDS: Final = 10  # metacontroller@v4.17.2:pkg/hooks/webhook.go:301
HEAD: Final = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
LENGTH: Final = re.compile(rb"^content-length: *(\d+)\r$", re.IGNORECASE | re.MULTILINE)
CONTINUE: Final = 100


@dataclass(frozen=True)
class Answer:
    """A response with its complete body."""

    status: int
    body: bytes


def exchange(address: tuple[str, int], data: bytes, *, bodiless: bool = False) -> list[Answer]:
    """Send *data*, close the sending side, and return the answers; only the first if *bodiless*.

    Raises `TimeoutError` if the other side does not close in time.
    """
    with socket.create_connection(address, PATIENCE_SECONDS) as connection:
        with suppress(OSError):  # the service may answer and close before it has read all bytes
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        return parse(_received(connection), bodiless=bodiless)


def _received(connection: socket.socket) -> bytes:
    data = b""
    with suppress(ConnectionResetError):  # the service has not read all bytes
        while chunk := connection.recv(65536):
            data += chunk
    return data


def parse(data: bytes, *, bodiless: bool = False) -> list[Answer]:
    """Return the answers in *data*, and nothing else may be in *data*; only one if *bodiless*."""
    answers: list[Answer] = []
    while data:
        head = HEAD.match(data)
        assert head is not None, data
        status, length = int(head[1]), LENGTH.search(head[2])
        data = data[head.end() :]
        if status == CONTINUE:
            continue
        assert length is not None, head[0]
        if bodiless:
            return [Answer(status, b"")]
        answers.append(Answer(status, data[: int(length[1])]))
        data = data[int(length[1]) :]
    return answers
