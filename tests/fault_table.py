"""Every way in which a token can fail to come, from the spec to the last hop.

What an answer must then be follows from a row and the Secret that there is: `fault_rule`.
"""

from collections.abc import Iterator
from typing import Final

from hooks.core.reason import Reason
from tests.emulator import Fault, identity_not_found, imds_throttled, unknown_resource
from tests.fault_row import IMDS, SLOW, Effect, Place, Row
from tests.fault_table_federation import federation_rows
from tests.fault_table_registry import registry_rows


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
            remedy=f"for example managedIdentityClientID: {example}"
            if value is None
            else f"e.g. {example}",
            spec={name: value},
            effect=effect,
        )
    yield Row(
        name="no-server", reason=invalid, remedy="for example myregistry.azurecr.io",
        spec={"acrServer": None}, effect=effect,
    )  # fmt: skip
    yield Row(
        name="server-not-allowed", reason=Reason.SERVER_NOT_ALLOWED,
        remedy="ask a cluster administrator to allow the registry", spec={"acrServer": "registry.example.com"},
        effect=Effect.DENIED,
    )  # fmt: skip


NO_TEXT: Final = Fault(
    body={
        "access_token": "a\nb",
        "expires_in": "86400",
        "expires_on": "4102444800",  # 2100
        "resource": "x",
        "token_type": "Bearer",
    }
)


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
        ("no-jwt", unavailable, "reachable", NO_TEXT),
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


ROWS: Final = (
    *spec_rows(), *imds_rows(), *unreachable_rows(), *registry_rows(), *federation_rows()
)  # fmt: skip
