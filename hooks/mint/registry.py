"""Exchanges an Entra token for a registry token, at the registry and no other host.

The host was checked against the allow-list. Redirects, cookies and `.netrc` are disabled.
"""

import time
from typing import Final

import requests
import urllib3

from hooks.budget import REGISTRY_CONNECT_SECONDS, REGISTRY_READ_SECONDS
from hooks.core.exchange import registry_protocol
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed, Outcome, TokenRequest
from hooks.mint.connection import UNKNOWN_CA, certificate_problem, proxy_problem
from hooks.mint.hard_deadline import hard_deadline, harden

CA_REMEDY: Final = "If a proxy or a private CA is in use, add its CA to REQUESTS_CA_BUNDLE."
NAME_REMEDY: Final = (
    "Check spec.acrServer and the cluster's DNS, and whether a proxy is in between."
)


class Registry:
    """Exchanges tokens; safe for threads."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        harden(self._session, registry_protocol.MAX_ANSWER_BYTES)

    def send(self, request: TokenRequest, post: registry_protocol.Post, deadline: float) -> Outcome:
        """Return the outcome of *post*, a part of *request*.

        Returns by *deadline*, in `time.monotonic` seconds.
        """
        url = registry_protocol.url(request, post)
        if isinstance(url, MintFailed):
            return url
        left = deadline - time.monotonic()
        if left <= 0:
            return _timed_out(request)
        try:
            with hard_deadline(left):
                response = self._session.post(
                    url,
                    data=post.form,
                    timeout=(
                        min(REGISTRY_CONNECT_SECONDS, left),
                        min(REGISTRY_READ_SECONDS, left),
                    ),
                    allow_redirects=False,
                )
            headers = {key.lower(): value for key, value in response.headers.items()}
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            timed_out = time.monotonic() >= deadline
            return _timed_out(request) if timed_out else _unreachable(request, error)
        outcome = registry_protocol.parse_registry_response(
            request, post, response.status_code, headers, response.content
        )
        # http.client accepts truncated headers as complete.
        failed_late = not isinstance(outcome, AcrToken) and time.monotonic() >= deadline
        return _timed_out(request) if failed_late else outcome


def _timed_out(request: TokenRequest) -> MintFailed:
    text = f'Registry "{request.server}" did not respond in time. Retrying.'
    return MintFailed(Reason.TIMEOUT, text)


def _unreachable(request: TokenRequest, error: Exception) -> MintFailed:
    """Return what a failure without a response means; *error*'s text is not shown."""
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
        return _timed_out(request)
    if "NameResolutionError" in repr(error):
        text = f"The name of {registry} can't be resolved. Check spec.acrServer and cluster DNS."
        return MintFailed(Reason.REGISTRY_NOT_FOUND, text)
    text = f"Can't connect to {registry}. Retrying. Check firewalls, private endpoints and proxies."
    return MintFailed(Reason.REGISTRY_UNREACHABLE, text)
