"""Every way in which a token can fail to come: what is broken, and what is to be said of it.

Values only. What an answer must then be follows from a row and the Secret that there is:
`fault_rule`.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

import jwt

from hooks.core.model import Reason
from tests.emulator import (
    Fault,
    acr_throttled,
    firewall,
    identity_not_found,
    imds_throttled,
    no_role,
    unknown_resource,
)
from tests.emulator.fault import Endpoint


class Effect(Enum):
    """What a row does to a binding."""

    MINT_FAILS = "no token can be had"
    INVALID = "the spec can't be understood"
    DENIED = "the cluster's owner forbids what the spec asks for"


class Place(Enum):
    """Where a registry or IMDS is."""

    EMULATED = "the emulator"
    REFUSING = "a port that refuses connections"
    SILENT = "a port that does not answer"
    STRANGER = "another emulator, whose CA the service does not trust"
    PLAIN = "an emulator's port that does not speak TLS"


class Calls(NamedTuple):
    """How many requests reach each endpoint."""

    imds: int = 0
    exchange: int = 0
    token: int = 0


NONE: Final = Calls()
IMDS: Final = Calls(1)
EXCHANGE: Final = Calls(1, 1)
TOKEN: Final = Calls(1, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One failure.

    Attributes:
        name: Tells it from the others.
        reason: Of the conditions.
        remedy: A word of the message that says what to do, or what becomes of it.
        calls: What reaches Azure where a token is needed.
        faults: What Azure does, by endpoint.
        settings: Of the emulator.
        spec: Fields of the binding's spec; None takes one away.
        actions: Those of the spec's scope, which names a repository; without them there is none.
        registry: Where `acrServer` is, unless *spec* has one.
        imds: Where IMDS is.
        retry_after: The seconds that Azure asks to wait.
        effect: What it does to the binding.
    """

    name: str
    reason: Reason
    remedy: str
    calls: Calls = NONE
    faults: Mapping[Endpoint, Fault] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    spec: Mapping[str, str | None] = field(default_factory=dict)
    actions: str = ""
    registry: Place = Place.EMULATED
    imds: Place = Place.EMULATED
    retry_after: int = 0
    effect: Effect = Effect.MINT_FAILS


LONG_AGO: Final = 1577836800  # 2020-01-01
FAR_OFF: Final = 4102444800  # 2100-01-01
LIFE: Final = 10800  # s
SLOW: Final = Fault(delay=30)  # more than any timeout
ABAC_ROLE: Final = "Container Registry Repository Reader"
ROLES: Final = f"grant it AcrPull on the registry, or {ABAC_ROLE}"
ELSEWHERE: Final = {"Location": "/elsewhere"}  # on the same server, where it would be seen


def signed(**claims: object) -> str:
    """Return a JWT with *claims*, as signed by somebody."""
    return jwt.encode(claims, "k" * 32, algorithm="HS256")


def _zipped(body: object) -> bytes:
    return gzip.compress(json.dumps(body).encode())


def rows() -> Iterator[Row]:
    """Yield the rows, from the spec to the last hop."""
    yield from spec_rows()
    yield from imds_rows()
    yield from unreachable_rows()
    yield from exchange_rows()
    yield from malformed_rows("exchange", EXCHANGE, "refresh_token")
    yield from skewed_rows()
    yield from scope_rows()
    yield from malformed_rows("token", TOKEN, "access_token", "pull")


def spec_rows() -> Iterator[Row]:
    """What fails before anybody is asked."""
    invalid, effect = Reason.INVALID_SPEC, Effect.INVALID
    wrong = {
        "scope": ("app", "repository:app:pull"),
        "acrServer": ("https://x.azurecr.io", "myregistry.azurecr.io"),
        "managedIdentityClientID": (None, "11111111-2222-3333-4444-555555555555"),
    }
    for name, (value, example) in wrong.items():
        yield Row(
            name=f"invalid-{name}",
            reason=invalid,
            remedy=f"e.g. {'managedIdentityClientID: ' if value is None else ''}{example}",
            spec={name: value},
            effect=effect,
        )
    yield Row(
        name="no-server", reason=invalid, remedy="e.g. myregistry.azurecr.io",
        spec={"acrServer": None}, effect=effect,
    )  # fmt: skip
    yield Row(
        name="server-not-allowed", reason=Reason.SERVER_NOT_ALLOWED,
        remedy="ask the cluster's owner to add it", spec={"acrServer": "registry.example.com"},
        effect=Effect.DENIED,
    )  # fmt: skip


def imds_rows() -> Iterator[Row]:
    """What IMDS can answer but a token."""
    unavailable = Reason.IDENTITY_UNAVAILABLE
    answers: list[tuple[str, Reason, str, Fault]] = [
        ("not-found", Reason.IDENTITY_NOT_FOUND, "assign it", identity_not_found()),
        ("throttled", Reason.THROTTLED, "asked again", imds_throttled()),
        ("throttled-html", Reason.THROTTLED, "asked again", Fault(status=429, body="<html>")),
        ("resource", Reason.AUDIENCE_REFUSED, "TOKEN_AUDIENCE", unknown_resource()),
        ("500", unavailable, "reachable", Fault(status=500)),
        ("restarting", unavailable, "reachable", Fault(status=410)),
        ("refused", unavailable, "reachable", Fault(status=403)),
        ("html", unavailable, "reachable", Fault(body="<html>")),
        ("truncated", unavailable, "reachable", Fault(body='{"access_token": "ey')),
        ("list", unavailable, "reachable", Fault(body="[]")),
        ("null", unavailable, "reachable", Fault(body="null")),
        ("no-token", unavailable, "reachable", Fault(body={"expires_in": "86400"})),
        ("no-time", unavailable, "reachable", Fault(body={"access_token": "x", "expires_in": []})),
        ("reset", unavailable, "reachable", Fault(reset=True)),
        ("slow", unavailable, "reachable", SLOW),
    ]
    for name, reason, remedy, fault in answers:
        yield Row(
            name=f"imds-{name}", reason=reason, remedy=remedy, calls=IMDS, faults={"imds": fault}
        )
    yield Row(
        name="imds-throttled-42", reason=Reason.THROTTLED, remedy="asked again", calls=IMDS,
        faults={"imds": imds_throttled(42)}, retry_after=42,
    )  # fmt: skip
    yield Row(
        name="imds-not-assigned", reason=Reason.IDENTITY_NOT_FOUND, remedy="assign it", calls=IMDS,
        settings={"identities": ()},
    )  # fmt: skip


def unreachable_rows() -> Iterator[Row]:
    """Where there is no answer at all. AKS's restriction of IMDS is one that is silent."""
    for place in (Place.REFUSING, Place.SILENT):
        yield Row(
            name=f"imds-{place.name.lower()}", reason=Reason.IDENTITY_UNAVAILABLE,
            remedy="AKS can block it", imds=place,
        )  # fmt: skip
    registries: dict[Place, tuple[Reason, str]] = {
        Place.REFUSING: (Reason.REGISTRY_UNREACHABLE, "check firewalls and private endpoints"),
        Place.SILENT: (Reason.TIMEOUT, "asked again"),
        Place.STRANGER: (Reason.REGISTRY_UNTRUSTED, "is a CA or a proxy's missing"),
        Place.PLAIN: (Reason.REGISTRY_ERROR, "is it a container registry"),
    }
    for place, (reason, remedy) in registries.items():
        yield Row(
            name=f"registry-{place.name.lower()}", reason=reason, remedy=remedy, calls=IMDS,
            registry=place,
        )  # fmt: skip
    # A name that no DNS has: https://www.rfc-editor.org/rfc/rfc6761#section-6.4
    yield Row(
        name="registry-not-found", reason=Reason.REGISTRY_NOT_FOUND,
        remedy="check spec.acrServer and the cluster's DNS", calls=IMDS,
        spec={"acrServer": "no-such-registry.invalid"},
    )  # fmt: skip


def exchange_rows() -> Iterator[Row]:
    """How a registry can refuse the exchange."""
    denied, error = Reason.REGISTRY_DENIED, Reason.REGISTRY_ERROR
    busy, odd = "asked again", "is it a container registry"
    answers: list[tuple[str, Reason, str, Fault, int]] = [
        ("no-role", denied, ROLES, no_role(), 0),
        # AcrPull counts for nothing there. The answer is assumed to be the same.
        ("abac", denied, ABAC_ROLE, no_role(), 0),
        ("forbidden", denied, ROLES, Fault(status=403), 0),
        ("firewall", Reason.REGISTRY_FIREWALL, "allow its outbound IP", firewall(), 0),
        ("throttled", Reason.THROTTLED, busy, acr_throttled(None), 0),
        ("throttled-42", Reason.THROTTLED, busy, acr_throttled(42), 42),
        ("throttled-600", Reason.THROTTLED, busy, acr_throttled(600), 600),
        ("400", error, odd, Fault(status=400), 0),
        ("404", error, odd, Fault(status=404), 0),
        ("500", error, odd, Fault(status=500), 0),
        ("503-42", error, odd, Fault(status=503, headers={"Retry-After": "42"}), 42),
        ("redirect", error, odd, Fault(status=307, headers=ELSEWHERE), 0),
        ("reset", Reason.REGISTRY_UNREACHABLE, "check firewalls", Fault(reset=True), 0),
        ("slow", Reason.TIMEOUT, busy, SLOW, 0),
        ("dribble", Reason.TIMEOUT, busy, Fault(body={"refresh_token": "ey"}, dribble=0.5), 0),
    ]
    for name, reason, remedy, fault, retry_after in answers:
        yield Row(
            name=f"exchange-{name}", reason=reason, remedy=remedy, calls=EXCHANGE,
            faults={"exchange": fault}, retry_after=retry_after,
        )  # fmt: skip
    yield Row(
        name="exchange-role-missing", reason=denied, remedy=ROLES, calls=EXCHANGE,
        settings={"roles": ()},
    )  # fmt: skip


def malformed_rows(endpoint: Endpoint, calls: Calls, key: str, actions: str = "") -> Iterator[Row]:
    """What a registry can answer with 200 in place of a token; *key* is where that should be."""
    good = signed(iat=LONG_AGO, exp=FAR_OFF)
    answers: dict[str, Fault] = {
        "html": Fault(body="<html>"),
        "truncated": Fault(body=f'{{"{key}": "ey'),
        "list": Fault(body="[]"),
        "other-key": Fault(body={"error": "no"}),
        "number": Fault(body={key: 5}),
        "endless": Fault(status=200, endless=True),
        # One that would do, if it were unpacked: but then a bomb would be, too.
        "gzip": Fault(body=_zipped({key: good}), headers={"Content-Encoding": "gzip"}),
        "no-jwt": Fault(token="not.a.jwt"),
        "no-expiry": Fault(token=signed(iat=LONG_AGO)),
        "long": Fault(token=signed(iat=LONG_AGO, exp=FAR_OFF, x="x" * 65536)),
    }
    for name, fault in answers.items():
        yield Row(
            name=f"{endpoint}-{name}", reason=Reason.MALFORMED_TOKEN, remedy="try again later",
            calls=calls, faults={endpoint: fault}, actions=actions,
        )  # fmt: skip


def skewed_rows() -> Iterator[Row]:
    """Tokens that are not valid now, if the node's clock is right."""
    times = {
        "expired": {"iat": LONG_AGO, "nbf": LONG_AGO, "exp": LONG_AGO + LIFE},
        "issued-later": {"iat": FAR_OFF, "nbf": FAR_OFF, "exp": FAR_OFF + LIFE},
        "valid-later": {"iat": LONG_AGO, "nbf": FAR_OFF, "exp": FAR_OFF + LIFE},
    }
    for name, claims in times.items():
        yield Row(
            name=f"exchange-{name}", reason=Reason.CLOCK_SKEW, remedy="compare the node's clock",
            calls=EXCHANGE, faults={"exchange": Fault(token=signed(**claims))},
        )  # fmt: skip


def scope_rows() -> Iterator[Row]:
    """How a registry can refuse a scope, or grant less than it."""
    busy = "asked again"
    answers: list[tuple[str, Reason, str, Fault, int]] = [
        ("refused", Reason.SCOPE_REFUSED, "e.g. repository:app:pull", Fault(status=400), 0),
        ("denied", Reason.REGISTRY_DENIED, ROLES, no_role(), 0),
        ("firewall", Reason.REGISTRY_FIREWALL, "allow its outbound IP", firewall(), 0),
        ("throttled", Reason.THROTTLED, busy, acr_throttled(None), 0),
        ("throttled-42", Reason.THROTTLED, busy, acr_throttled(42), 42),
        ("500", Reason.REGISTRY_ERROR, "is it a container registry", Fault(status=500), 0),
        ("reset", Reason.REGISTRY_UNREACHABLE, "check firewalls", Fault(reset=True), 0),
        ("slow", Reason.TIMEOUT, busy, SLOW, 0),
    ]
    for name, reason, remedy, fault, retry_after in answers:
        yield Row(
            name=f"token-{name}", reason=reason, remedy=remedy, calls=TOKEN,
            faults={"token": fault}, actions="pull", retry_after=retry_after,
        )  # fmt: skip
    yield Row(
        name="token-less", reason=Reason.SCOPE_NOT_GRANTED, remedy="not push on ", calls=TOKEN,
        settings={"grant": lambda _, scope: set(scope.actions) - {"push"}}, actions="pull,push",
    )  # fmt: skip
    yield Row(
        name="token-abac", reason=Reason.SCOPE_NOT_GRANTED, remedy=ABAC_ROLE,
        calls=TOKEN, settings={"grant": lambda *_: ()}, actions="pull",
    )  # fmt: skip


ROWS: Final = tuple(rows())
