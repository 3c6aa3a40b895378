"""Gets ServiceAccount tokens from the API server, the only Kubernetes call of the service.

Uses requests, which is already a dependency: the official client would cost 38 MiB of memory and
0.7 s of every start for a single POST.
"""

import time

import requests
import urllib3

from hooks.budget import API_SERVER_SECONDS
from hooks.core.exchange.registry_protocol import MAX_ANSWER_BYTES, retry_after
from hooks.core.exchange.service_account_token import (
    COMPONENT,
    parse_api_server_response,
    token_request_body,
    token_request_failure,
    token_request_path,
)
from hooks.core.model.identity import TrustedAccount
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.mint.connection import UNKNOWN_CA, certificate_problem
from hooks.mint.hard_deadline import hard_deadline, harden
from hooks.settings.federation_settings import FederationSettings


class ServiceAccountTokens:
    """Requests tokens; safe for threads. Follows no redirect and uses no proxy."""

    def __init__(self, settings: FederationSettings) -> None:
        self._settings = settings
        self._session = requests.Session()
        # The API server is in-cluster: bypass the proxy, and use its own CA.
        self._session.trust_env = False
        self._session.headers["Accept"] = "application/json"
        harden(self._session, MAX_ANSWER_BYTES)

    def __call__(self, account: TrustedAccount) -> str | MintFailed:
        """Return a token of *account* for the audience of an assertion, or why there is none."""
        directory = self._settings.credential_dir
        try:
            own = (directory / "token").read_text("utf-8").strip()  # the kubelet renews it
        except (OSError, ValueError):
            text = (
                f"acrpull can't read its own token for the API server, {directory}/token. Check "
                f"that the component {COMPONENT} mounts it."
            )
            return token_request_failure(Reason.TOKEN_REQUEST_REFUSED, text)
        return self._post(account, own)

    def _post(self, account: TrustedAccount, own: str) -> str | MintFailed:
        started = time.monotonic()
        try:
            with hard_deadline(API_SERVER_SECONDS):
                response = self._session.post(
                    f"{self._settings.api_server}{token_request_path(account)}",
                    json=token_request_body(self._settings.audience),
                    headers={"Authorization": f"Bearer {own}"},
                    verify=str(self._settings.credential_dir / "ca.crt"),
                    timeout=API_SERVER_SECONDS,
                    allow_redirects=False,
                )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            timed_out = time.monotonic() - started >= API_SERVER_SECONDS
            return _timed_out() if timed_out else _unreachable(e)
        headers = response.headers
        return parse_api_server_response(
            account,
            response.status_code,
            headers.get("Content-Type"),
            retry_after(headers.get("Retry-After")),
            response.content,
        )


def _timed_out() -> MintFailed:
    return token_request_failure(
        Reason.TIMEOUT, "The API server did not respond in time. Retrying."
    )


def _unreachable(error: Exception) -> MintFailed:
    """Return what a failure without a response means; *error*'s text is not shown."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return _timed_out()
    wrong = certificate_problem(error)
    if wrong is None:
        text = "Can't connect to the API server. Retrying. Check the network policies of acrpull."
    else:
        remedy = (
            "Check ca.crt in SERVICE_ACCOUNT_DIR."
            if wrong == UNKNOWN_CA
            else "Check KUBERNETES_SERVICE_HOST, and renew the certificate if it has expired."
        )
        text = f"The API server's TLS certificate {wrong}. {remedy}"
    return token_request_failure(Reason.API_SERVER_UNAVAILABLE, text)
