"""The registry: `/v2/`, with one image under every repository name and tag.

Reads only, after https://distribution.github.io/distribution/spec/api/
"""

import re

from tests.emulator.acr import V2_HEADERS, acr_error, acr_headers, challenge
from tests.emulator.acr_token import ACCESS, AcrTokens
from tests.emulator.image import MANIFEST_TYPE, digest, new_image
from tests.emulator.message import JSON_UTF8, Request, Response
from tests.emulator.scope import Scope
from tests.emulator.signer import TokenRefused

PREFIX = "/v2/"
_CONTENT = re.compile(r"/v2/(?P<name>[a-z0-9._/-]+)/(?P<kind>manifests|blobs)/(?P<ref>[^/]+)")


def registry(request: Request, tokens: AcrTokens) -> Response:
    """Answer a pull with a sufficient Bearer access token; return a challenge otherwise.

    The registry accepts neither a refresh token nor Basic authorization: https://github.com/Azure/acr/issues/98
    """
    needed = _needed(request)
    bearer = request.bearer()
    if not bearer:
        return challenge(request, needed)
    try:
        claims = tokens.open(bearer, request.host, ACCESS)
    except TokenRefused:
        return challenge(request, needed, "invalid_token")
    if needed and needed.within(claims["access"]) != needed:
        return challenge(request, needed, "insufficient_scope")
    if request.method not in {"GET", "HEAD"}:
        return _refuse(405, "UNSUPPORTED", "The operation is unsupported.")
    if request.path == PREFIX:
        return _serve(b"{}", JSON_UTF8)
    return _content(request)


def _needed(request: Request) -> Scope | None:
    """Return the scope for the request; `None` at `/v2/` and at unknown paths."""
    if request.path == "/v2/_catalog":
        return Scope("registry", "catalog", ("*",))
    match = _CONTENT.fullmatch(request.path)
    actions = ("pull",) if request.method in {"GET", "HEAD"} else ("pull", "push")
    return Scope("repository", match["name"], actions) if match else None


def _content(request: Request) -> Response:
    image = new_image()
    match = _CONTENT.fullmatch(request.path)
    if match is None:
        return _refuse(404, "NAME_UNKNOWN", "repository name not known to registry")
    if match["kind"] == "blobs":
        blob = image.blobs.get(match["ref"])
        if blob is None:
            return _refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return _serve(blob, "application/octet-stream")
    if ":" in match["ref"] and match["ref"] != digest(image.manifest):
        return _refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
    return _serve(image.manifest, MANIFEST_TYPE)


def _serve(body: bytes, content_type: str) -> Response:
    names = (("Docker-Content-Digest", digest(body)),)
    return Response(200, body, acr_headers(content_type=content_type) + V2_HEADERS + names)


def _refuse(status: int, code: str, message: str) -> Response:
    return Response(status, acr_error(code, message), acr_headers() + V2_HEADERS)
