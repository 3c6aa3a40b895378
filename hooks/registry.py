"""Sends the requests of an exchange to a registry, and nothing to anybody else.

A token goes to the one host that was checked against the allow-list: no redirect is followed, no
cookie kept, no `.netrc` read.
"""

import time
from dataclasses import replace
from typing import Final

import requests
import urllib3

from hooks.core import acr
from hooks.core.reason import Reason
from hooks.core.token import AcrToken, Hop, MintFailed, TokenRequest
from hooks.cutoff import cutoff, seclude

CONNECT_TIMEOUT_SECONDS: Final = 2
READ_TIMEOUT_SECONDS: Final = 3


class Registry:
    """Exchanges tokens; safe for threads."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        seclude(self._session, acr.MAX_ANSWER_BYTES)

    def mint(
        self, request: TokenRequest, entra_token: str, deadline: float
    ) -> AcrToken | MintFailed:
        """Return the token that *request* asks for, in exchange for *entra_token*.

        Whatever the registry does, it is over at *deadline*, an instant of `time.monotonic`.
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
        left = deadline - time.monotonic()
        if left <= 0:
            return _late(request)
        try:
            with cutoff(left):
                response = self._session.post(
                    f"https://{request.server}{post.path}",
                    data=post.form,
                    timeout=(min(CONNECT_TIMEOUT_SECONDS, left), min(READ_TIMEOUT_SECONDS, left)),
                    allow_redirects=False,
                )
            headers = {key.lower(): value for key, value in response.headers.items()}
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            late = time.monotonic() >= deadline
            return _late(request) if late else _unreachable(request, error)
        outcome = acr.parse_answer(request, post, response.status_code, headers, response.content)
        # A head that is cut off is a head to `http.client`.
        failed_late = isinstance(outcome, MintFailed) and time.monotonic() >= deadline
        return _late(request) if failed_late else outcome


def _late(request: TokenRequest) -> MintFailed:
    text = f"{request.server} did not answer in time; it will be asked again"
    return MintFailed(Reason.TIMEOUT, text)


def _unreachable(request: TokenRequest, error: Exception) -> MintFailed:
    """Sort a failure without an answer; *error*'s own text has addresses and is not shown."""
    server = request.server
    if "SSLCertVerificationError" in repr(error):
        text = f"the TLS certificate of {server} can't be verified; is a CA or a proxy's missing?"
        return MintFailed(Reason.REGISTRY_UNTRUSTED, text)
    if isinstance(error, requests.exceptions.SSLError):
        text = f"TLS with {server} fails; is it a container registry?"
        return MintFailed(Reason.REGISTRY_ERROR, text)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return _late(request)
    if "NameResolutionError" in repr(error):
        text = f"{server} has no address; check spec.acrServer and the cluster's DNS"
        return MintFailed(Reason.REGISTRY_NOT_FOUND, text)
    text = f"can't connect to {server}; check firewalls and private endpoints"
    return MintFailed(Reason.REGISTRY_UNREACHABLE, text)
