"""Sends the requests of an exchange to a registry, and to no other host.

A token goes only to the host that was checked against the allow-list: no redirect is followed, no
cookie kept, no `.netrc` read.
"""

import time
from dataclasses import replace
from typing import Final

import requests
import urllib3

from hooks.core.exchange import acr
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, Hop, MintFailed, TokenRequest
from hooks.mint.connection import UNKNOWN_CA, certificate_problem, proxy_problem
from hooks.mint.hard_deadline import hard_deadline, harden

CONNECT_TIMEOUT_SECONDS: Final = 2
READ_TIMEOUT_SECONDS: Final = 3
CA_REMEDY: Final = "If a proxy or a private CA is in use, add its CA to REQUESTS_CA_BUNDLE."
NAME_REMEDY: Final = (
    "Check spec.acrServer and the cluster's DNS, and whether a proxy is in between."
)


class Registry:
    """Exchanges tokens; safe for threads."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        harden(self._session, acr.MAX_ANSWER_BYTES)

    def mint(
        self, request: TokenRequest, entra_token: str, deadline: float
    ) -> AcrToken | MintFailed:
        """Return the token that *request* asks for, in exchange for *entra_token*.

        Returns by *deadline*, an instant of `time.monotonic`, whatever the registry does.
        """
        token = self.exchange(request, entra_token, deadline)
        if isinstance(token, MintFailed):
            return replace(token, hop=Hop.EXCHANGE)
        if request.scope is None:
            return token
        return self.scope_down(request, token, deadline)

    def exchange(
        self, request: TokenRequest, entra_token: str, deadline: float
    ) -> AcrToken | MintFailed:
        """Return a refresh token in exchange for *entra_token*."""
        return self._post(request, acr.exchange(request, entra_token), deadline)

    def scope_down(
        self, request: TokenRequest, refresh_token: AcrToken, deadline: float
    ) -> AcrToken | MintFailed:
        """Return an access token for *request*'s scope in exchange for *refresh_token*."""
        return self._post(request, acr.scope_down(request, refresh_token.value), deadline)

    def _post(
        self, request: TokenRequest, post: acr.Post, deadline: float
    ) -> AcrToken | MintFailed:
        url = acr.url(request, post)
        if isinstance(url, MintFailed):
            return url
        left = deadline - time.monotonic()
        if left <= 0:
            return _late(request)
        try:
            with hard_deadline(left):
                response = self._session.post(
                    url,
                    data=post.form,
                    timeout=(min(CONNECT_TIMEOUT_SECONDS, left), min(READ_TIMEOUT_SECONDS, left)),
                    allow_redirects=False,
                )
            headers = {key.lower(): value for key, value in response.headers.items()}
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            late = time.monotonic() >= deadline
            return _late(request) if late else _unreachable(request, error)
        outcome = acr.parse_registry_response(
            request, post, response.status_code, headers, response.content
        )
        # http.client accepts truncated headers as complete.
        failed_late = isinstance(outcome, MintFailed) and time.monotonic() >= deadline
        return _late(request) if failed_late else outcome


def _late(request: TokenRequest) -> MintFailed:
    text = f'Registry "{request.server}" did not respond in time. Retrying.'
    return MintFailed(Reason.TIMEOUT, text)


def _unreachable(request: TokenRequest, error: Exception) -> MintFailed:
    """Return what a failure without a response means; *error*'s own text is not shown."""
    registry = f'registry "{request.server}"'
    wrong = certificate_problem(error)
    if wrong is not None:
        remedy = CA_REMEDY if wrong == UNKNOWN_CA else NAME_REMEDY
        text = f"The TLS certificate of {registry} {wrong}. {remedy}"
        return MintFailed(Reason.REGISTRY_UNTRUSTED, text)
    if isinstance(error, requests.exceptions.SSLError):
        text = f"TLS with {registry} failed. Check that spec.acrServer is a container registry."
        return MintFailed(Reason.REGISTRY_ERROR, text)
    proxy = proxy_problem(error, registry)
    if proxy is not None:
        return MintFailed(Reason.REGISTRY_UNREACHABLE, proxy)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return _late(request)
    if "NameResolutionError" in repr(error):
        text = f"The name of {registry} can't be resolved. Check spec.acrServer and cluster DNS."
        return MintFailed(Reason.REGISTRY_NOT_FOUND, text)
    text = f"Can't connect to {registry}. Retrying. Check firewalls, private endpoints and proxies."
    return MintFailed(Reason.REGISTRY_UNREACHABLE, text)
