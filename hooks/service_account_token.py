"""Tokens of ServiceAccounts, from the API server: the one Kubernetes call of the service.

By plain requests, which is there already: for one POST the official client takes 38 MiB of memory,
and 0.7 s of every start.
"""

import time
from typing import Final

import requests
import urllib3

from hooks.core.acr import MAX_ANSWER_BYTES, retry_after
from hooks.core.identity import TrustedAccount
from hooks.core.reason import Reason
from hooks.core.service_account_token import ATTEMPT, body, failed, parse_answer, path
from hooks.core.token import MintFailed
from hooks.cutoff import cutoff, seclude
from hooks.federation_settings import FederationSettings

SECONDS: Final = 2.0  # for a request, whatever the API server does


class ServiceAccountTokens:
    """Asks for tokens; safe for threads. Follows no redirect and asks through no proxy."""

    def __init__(self, settings: FederationSettings) -> None:
        self._settings = settings
        self._session = requests.Session()
        self._session.trust_env = False  # the API server is inside, and its CA is not ours to say
        self._session.headers["Accept"] = "application/json"
        seclude(self._session, MAX_ANSWER_BYTES)

    def __call__(self, account: TrustedAccount) -> str | MintFailed:
        """Return a token of *account* for the audience of assertions, or why there is none."""
        directory = self._settings.credential_dir
        try:
            own = (directory / "token").read_text("utf-8").strip()  # the kubelet renews it
        except (OSError, ValueError):
            text = (
                f"can't read {directory}/token, which the component metacontroller/"
                "workload-identity mounts: the service has no credential for the API server"
            )
            return failed(Reason.TOKEN_REQUEST_REFUSED, text)
        return self._post(account, own)

    def _post(self, account: TrustedAccount, own: str) -> str | MintFailed:
        started = time.monotonic()
        try:
            with cutoff(SECONDS):
                response = self._session.post(
                    f"{self._settings.api_server}{path(account)}",
                    json=body(self._settings.audience),
                    headers={"Authorization": f"Bearer {own}"},
                    verify=str(self._settings.credential_dir / "ca.crt"),
                    timeout=SECONDS,
                    allow_redirects=False,
                )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            late = time.monotonic() - started >= SECONDS
            return _late(account) if late else _unreachable(account, e)
        asked = retry_after(response.headers.get("Retry-After"))
        return parse_answer(account, response.status_code, asked, response.content)


def _late(account: TrustedAccount) -> MintFailed:
    return failed(Reason.TIMEOUT, f"{ATTEMPT} {account}, is slow; it will be asked again")


def _unreachable(account: TrustedAccount, error: Exception) -> MintFailed:
    """Sort a failure without an answer; *error*'s own text has addresses and is not shown."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return _late(account)
    if "SSLCertVerificationError" in repr(error):
        text = f"{ATTEMPT} {account}, has a certificate that ca.crt does not vouch for"
    else:
        text = f"{ATTEMPT} {account}, can't be reached; does a network policy stop that?"
    return failed(Reason.API_SERVER_UNAVAILABLE, text)
