"""Failures of a registry: at the exchange, and for a scope."""

import gzip
import json
from collections.abc import Iterator
from typing import Final

import jwt

from hooks.core.model.reason import Reason
from tests.emulator import (
    Fault,
    acr_throttled,
    denied,
    firewall,
    no_role,
    registry_down,
    web_page,
)
from tests.emulator.fault import Endpoint
from tests.fault_row import EXCHANGE, SLOW, TOKEN, Calls, Row

LONG_AGO: Final = 1577836800  # 2020-01-01
FAR_OFF: Final = 4102444800  # 2100-01-01
LIFE: Final = 10800  # s
ABAC_ROLE: Final = "Container Registry Repository Reader"
ROLES: Final = f"Assign it the AcrPull role, or {ABAC_ROLE}"
ODD: Final = "Check that spec.acrServer is a container registry"
PRIVATE_ENDPOINT: Final = "link its private DNS zone to the cluster's network. Otherwise allow"
ELSEWHERE: Final = {"Location": "/elsewhere"}  # on the same server, so the test would see a request
NOT_FOUND: Final = {"errors": [{"code": "NOT_FOUND", "message": "404 page not found"}]}
NO_PULL: Final = {
    "errors": [
        {
            "code": "UNAUTHORIZED",
            "detail": [{"Action": "pull", "Name": "my_image_name", "Type": "repository"}],
            "message": "authentication required, visit https://aka.ms/acr/authorization for more "
            "information.",
        }
    ]
}


def signed(**claims: object) -> str:
    """Return a JWT with *claims*, signed with any key."""
    return jwt.encode(claims, "k" * 32, algorithm="HS256")


def _zipped(body: object) -> bytes:
    return gzip.compress(json.dumps(body).encode())


def registry_rows() -> Iterator[Row]:
    """Yield the rows of both hops."""
    yield from exchange_rows()
    yield from malformed_rows("exchange", EXCHANGE, "refresh_token")
    yield from skewed_rows()
    yield from scope_rows()
    yield from malformed_rows("token", TOKEN, "access_token", "pull")


def exchange_rows() -> Iterator[Row]:
    """Yield rejections of the exchange by a registry."""
    refused, error, down = (
        Reason.REGISTRY_DENIED,
        Reason.REGISTRY_ERROR,
        Reason.REGISTRY_UNAVAILABLE,
    )
    busy = "Retrying."
    outage = "is failing with HTTP 503 (text/html). Retrying."
    answers: list[tuple[str, Reason, str, Fault, int]] = [
        ("no-role", refused, ROLES, no_role(), 0),
        # With ABAC, AcrPull has no effect. The answer is assumed to be the same.
        ("abac", refused, ABAC_ROLE, no_role(), 0),
        ("forbidden", refused, ROLES, Fault(status=403), 0),
        ("denied", refused, "check the registry's network rules", denied(), 0),
        ("firewall", Reason.REGISTRY_FIREWALL, PRIVATE_ENDPOINT, firewall(), 0),
        ("throttled", Reason.THROTTLED, busy, acr_throttled(None), 0),
        ("throttled-42", Reason.THROTTLED, busy, acr_throttled(42), 42),
        ("throttled-600", Reason.THROTTLED, busy, acr_throttled(600), 600),
        ("throttled-page", Reason.THROTTLED, busy, web_page(429), 0),
        ("400", error, ODD, Fault(status=400), 0),
        # This answer is known for GET only: https://github.com/Azure/acr/issues/166
        ("404", error, "HTTP 404 (NOT_FOUND)", Fault(status=404, body=NOT_FOUND), 0),
        ("404-empty", error, ODD, Fault(status=404), 0),
        ("401-page", error, "HTTP 401 (text/html)", web_page(401), 0),
        ("403-page", error, "no proxy answers in its place", web_page(), 0),
        ("407-page", error, "HTTP 407 (text/html)", web_page(407), 0),
        ("511-page", error, "HTTP 511 (text/html)", web_page(511), 0),
        # https://github.com/Azure/acr/issues/231, https://github.com/Azure/azure-cli/issues/22766
        ("500", down, "Azure's status page", Fault(status=500), 0),
        ("503-page", down, outage, registry_down(), 0),
        ("504", down, busy, registry_down(504), 0),
        ("503-42", down, busy, Fault(status=503, headers={"Retry-After": "42"}), 42),
        ("redirect", error, ODD, Fault(status=307, headers=ELSEWHERE), 0),
        ("reset", Reason.REGISTRY_UNREACHABLE, "Check firewalls", Fault(reset=True), 0),
        ("slow", Reason.TIMEOUT, busy, SLOW, 0),
        ("dribble", Reason.TIMEOUT, busy, Fault(body={"refresh_token": "ey"}, dribble=0.5), 0),
    ]
    for name, reason, remedy, fault, retry_after in answers:
        yield Row(
            name=f"exchange-{name}", reason=reason, remedy=remedy, calls=EXCHANGE,
            faults={"exchange": fault}, retry_after=retry_after,
        )  # fmt: skip
    yield Row(
        name="exchange-role-missing", reason=refused, remedy=ROLES, calls=EXCHANGE,
        settings={"roles": ()},
    )  # fmt: skip


def malformed_rows(endpoint: Endpoint, calls: Calls, key: str, actions: str = "") -> Iterator[Row]:
    """Yield answers with status 200 and without a token; *key* is the token's key."""
    good = signed(iat=LONG_AGO, exp=FAR_OFF)
    answers: dict[str, Fault] = {
        "html": Fault(body="<html>"),
        "truncated": Fault(body=f'{{"{key}": "ey'),
        "list": Fault(body="[]"),
        "other-key": Fault(body={"error": "no"}),
        "number": Fault(body={key: 5}),
        "endless": Fault(status=200, endless=True),
        # The token would work if acrpull unpacked bodies, but so would a decompression bomb.
        "gzip": Fault(body=_zipped({key: good}), headers={"Content-Encoding": "gzip"}),
        "no-jwt": Fault(token="not.a.jwt"),
        "no-expiry": Fault(token=signed(iat=LONG_AGO)),
        "long": Fault(token=signed(iat=LONG_AGO, exp=FAR_OFF, x="x" * 65536)),
    }
    for name, fault in answers.items():
        yield Row(
            name=f"{endpoint}-{name}", reason=Reason.MALFORMED_TOKEN, remedy=ODD[6:],
            calls=calls, faults={endpoint: fault}, actions=actions,
        )  # fmt: skip


def skewed_rows() -> Iterator[Row]:
    """Yield tokens outside their time of validity, by the node's clock."""
    times = {
        "expired": {"iat": LONG_AGO, "nbf": LONG_AGO, "exp": LONG_AGO + LIFE},
        "issued-later": {"iat": FAR_OFF, "nbf": FAR_OFF, "exp": FAR_OFF + LIFE},
        "valid-later": {"iat": LONG_AGO, "nbf": FAR_OFF, "exp": FAR_OFF + LIFE},
    }
    for name, claims in times.items():
        yield Row(
            name=f"exchange-{name}", reason=Reason.CLOCK_SKEW, remedy="Check the node's clock.",
            calls=EXCHANGE, faults={"exchange": Fault(token=signed(**claims))},
        )  # fmt: skip


def scope_rows() -> Iterator[Row]:
    """Yield rejections of a scope, and partial grants."""
    busy, down = "Retrying.", Reason.REGISTRY_UNAVAILABLE
    answers: list[tuple[str, Reason, str, Fault, int]] = [
        ("refused", Reason.SCOPE_REFUSED, "e.g. repository:app:pull", Fault(status=400), 0),
        ("denied", Reason.REGISTRY_DENIED, ROLES, no_role(), 0),
        # https://github.com/Azure/acr-cli/issues/523
        ("denied-detail", Reason.REGISTRY_DENIED, ROLES, Fault(status=401, body=NO_PULL), 0),
        ("firewall", Reason.REGISTRY_FIREWALL, PRIVATE_ENDPOINT, firewall(), 0),
        ("throttled", Reason.THROTTLED, busy, acr_throttled(None), 0),
        ("throttled-42", Reason.THROTTLED, busy, acr_throttled(42), 42),
        ("400-page", Reason.REGISTRY_ERROR, ODD, web_page(400), 0),
        ("500", down, "Azure's status page", Fault(status=500), 0),
        ("503-page", down, busy, registry_down(), 0),
        ("reset", Reason.REGISTRY_UNREACHABLE, "Check firewalls", Fault(reset=True), 0),
        ("slow", Reason.TIMEOUT, busy, SLOW, 0),
    ]
    for name, reason, remedy, fault, retry_after in answers:
        yield Row(
            name=f"token-{name}", reason=reason, remedy=remedy, calls=TOKEN,
            faults={"token": fault}, actions="pull", retry_after=retry_after,
        )  # fmt: skip
    yield Row(
        name="token-less", reason=Reason.SCOPE_NOT_GRANTED, remedy="missing: push on ", calls=TOKEN,
        settings={"grant": lambda _, scope: set(scope.actions) - {"push"}}, actions="pull,push",
        partial=True,
    )  # fmt: skip
    yield Row(
        name="token-abac", reason=Reason.SCOPE_NOT_GRANTED, remedy=ABAC_ROLE,
        calls=TOKEN, settings={"grant": lambda *_: ()}, actions="pull",
    )  # fmt: skip
