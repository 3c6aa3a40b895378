"""What is told of a response without a token: enough to judge it, and nothing private."""

import json

import pytest

from hooks.core.exchange.received import described, error_code, is_page
from tests.core.builders import NEW_TOKEN

GUID = "00000000-0000-0000-0000-000000000003"


def registry(code: object) -> bytes:
    """Return a registry's refusal."""
    return json.dumps({"errors": [{"code": code, "message": f"CorrelationId: {GUID}"}]}).encode()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (registry("UNAUTHORIZED"), "UNAUTHORIZED"),
        (registry("TOOMANYREQUESTS"), "TOOMANYREQUESTS"),
        (b'{"error": "invalid_request", "error_description": "x"}', "invalid_request"),
        (b'{"kind": "Status", "status": "Failure", "reason": "InternalError"}', "InternalError"),
        (b'{"errors": [], "error": "slow_down"}', "slow_down"),
        (registry(NEW_TOKEN.value), None),
        (registry("eyJhbGciOiJSUzI"), None),
        (registry("eyJhbGciOi"), None),
        (registry(GUID), None),
        (registry("DENIED 203.0.113.7"), None),
        (registry("DENIED\n"), None),
        (registry(5), None),
        (b'{"errors": ["DENIED"]}', None),
        (b'{"errors": {"code": "DENIED"}}', None),
        (b'{"error": {"code": "x"}}', None),
        (b"[]", None),
        (b"null", None),
        (b"<html>", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b"", None),
    ],
)
def test_error_code(content: bytes, code: str | None) -> None:
    """A code is one word of letters in one case, or of whole words: no token, id or address is."""
    assert error_code(content) == code


@pytest.mark.parametrize(
    ("content_type", "content", "shown"),
    [
        ("text/html", b"<html>", "HTTP 418 (text/html)"),
        ("Text/HTML; charset=utf-8", b"<html>", "HTTP 418 (text/html)"),
        ("application/problem+json", b"{}", "HTTP 418 (application/problem+json)"),
        ("application/json", registry("DENIED"), "HTTP 418 (DENIED)"),
        (f"application/{NEW_TOKEN.value}", b"", "HTTP 418"),
        (f"text/{GUID}", b"", "HTTP 418"),
        ("text/html\r\nx", b"", "HTTP 418"),
        ("html", b"", "HTTP 418"),
        ("", b"", "HTTP 418"),
        (None, b"", "HTTP 418"),
    ],
)
def test_described(content_type: str | None, content: bytes, shown: str) -> None:
    """The error code says more than the media type, and either is left out if it is odd."""
    assert described(418, content_type, content) == shown


@pytest.mark.parametrize(
    ("content_type", "content", "page"),
    [
        ("text/html", b"", True),
        ("TEXT/HTML; charset=us-ascii", b"", True),
        ("text/plain", b"\r\n<!DOCTYPE html>", True),
        (None, b"<html>", True),
        ("application/json", b'{"errors": []}', False),
        ("text/plain", b"Too Many Requests", False),
        (None, b"", False),
    ],
)
def test_is_page(content_type: str | None, content: bytes, *, page: bool) -> None:
    """A page is known by its type, or by its first character if a proxy names no type."""
    assert is_page(content_type, content) is page
