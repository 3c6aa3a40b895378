"""A row for each failure to get a token, from the spec to the last hop.

`fault_rule` derives the expected answer from a row and the observed Secret.
"""

from collections.abc import Iterator
from typing import Final

from hooks.core.model.reason import Reason
from tests.emulator import (
    Fault,
    identity_not_found,
    imds_entra_refused,
    imds_throttled,
    multiple_identities,
    unknown_resource,
    web_page,
)
from tests.fault_row import IMDS, SLOW, Effect, Place, Row
from tests.fault_table_federation import federation_rows
from tests.fault_table_registry import registry_rows


def spec_rows() -> Iterator[Row]:
    """Yield the failures before any request."""
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
            remedy=f"managedIdentityClientID: {example}"
            if value is None
            else f"Use, for example, {example}",
            spec={name: value},
            effect=effect if value is not None else Effect.INCOMPLETE,
        )
    yield Row(
        name="no-server", reason=invalid, remedy="for example myregistry.azurecr.io",
        spec={"acrServer": None}, effect=Effect.INCOMPLETE,
    )  # fmt: skip
    yield Row(
        name="server-not-allowed", reason=Reason.SERVER_NOT_ALLOWED,
        remedy="ask a cluster administrator",
        spec={"acrServer": "registry.example.com"},
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
    """Yield the answers of IMDS without a token."""
    unavailable, entra = Reason.IDENTITY_UNAVAILABLE, imds_entra_refused
    odd, failing = "Check whether something else", "is failing with HTTP "
    # https://github.com/Azure/azure-sdk-for-net/issues/19242
    pod_identity = (
        "failed to refresh token, error: adal: Refresh request failed. Identity not found"
    )
    answers: list[tuple[str, Reason, str, Fault]] = [
        ("not-found", Reason.IDENTITY_NOT_FOUND, "Assign it", identity_not_found()),
        ("throttled", Reason.THROTTLED, "Retrying.", imds_throttled()),
        ("throttled-html", Reason.THROTTLED, "Retrying.", Fault(status=429, body="<html>")),
        ("resource", Reason.AUDIENCE_REFUSED, "TOKEN_AUDIENCE", unknown_resource()),
        # Body: https://github.com/Azure/aad-pod-identity/issues/1277
        ("entra-no-identity", Reason.IDENTITY_NOT_FOUND, "assign it again", entra(700016)),
        ("entra-no-application", Reason.IDENTITY_NOT_FOUND, "assign it again", entra(7000229)),
        ("entra-no-tenant", Reason.IDENTITY_NOT_FOUND, "(AADSTS90002)", entra(90002)),
        ("entra-throttled", Reason.THROTTLED, "Retrying.", entra(90055)),
        ("entra-transient", Reason.ENTRA_UNAVAILABLE, "(AADSTS90033)", entra(90033)),
        ("entra-conditional", Reason.IDENTITY_REFUSED, "AADSTS53003", entra(53003)),
        # https://github.com/MicrosoftDocs/azure-docs/issues/28469
        ("entra-disabled", Reason.IDENTITY_REFUSED, "application is disabled", entra(7000112)),
        ("400", unavailable, "HTTP 400 (invalid_request)", multiple_identities()),
        ("500", unavailable, failing, Fault(status=500)),
        # https://github.com/Azure/azure-sdk-for-net/issues/19241
        ("pod-list", unavailable, f"{failing}500 (text/plain)",
         Fault(status=500, body="pod list is empty\n")),
        ("restarting", unavailable, failing, Fault(status=410)),
        ("refused", unavailable, "unexpected HTTP 403 (text/plain)",
         Fault(status=403, body=pod_identity)),
        # https://github.com/Azure/aad-pod-identity/issues/74, /1250
        ("404", unavailable, "unexpected HTTP 404", Fault(status=404, body="")),
        ("page", unavailable, "unexpected HTTP 403 (text/html)", web_page()),
        ("html", unavailable, odd, Fault(body="<html>")),
        ("truncated", unavailable, odd, Fault(body='{"access_token": "ey')),
        ("list", unavailable, odd, Fault(body="[]")),
        ("null", unavailable, odd, Fault(body="null")),
        ("no-token", unavailable, odd, Fault(body={"expires_in": "86400"})),
        ("no-jwt", unavailable, odd, NO_TEXT),
        ("no-time", unavailable, odd, Fault(body={"access_token": "x", "expires_in": []})),
        ("reset", unavailable, "AKS can block it", Fault(reset=True)),
        ("slow", unavailable, "AKS can block it", SLOW),
    ]  # fmt: skip
    for name, reason, remedy, fault in answers:
        yield Row(
            name=f"imds-{name}", reason=reason, remedy=remedy, calls=IMDS, faults={"imds": fault}
        )
    yield Row(
        name="imds-throttled-42", reason=Reason.THROTTLED, remedy="Retrying.", calls=IMDS,
        faults={"imds": imds_throttled(42)}, retry_after=42,
    )  # fmt: skip
    yield Row(
        name="imds-not-assigned", reason=Reason.IDENTITY_NOT_FOUND, remedy="Assign it", calls=IMDS,
        settings={"identities": ()},
    )  # fmt: skip


def unreachable_rows() -> Iterator[Row]:
    """Yield the failures without any answer. Under AKS's restriction, IMDS is silent."""
    for place in (Place.REFUSING, Place.SILENT):
        yield Row(
            name=f"imds-{place.name.lower()}", reason=Reason.IDENTITY_UNAVAILABLE,
            remedy="AKS can block it", imds=place,
        )  # fmt: skip
    registries: dict[Place, tuple[Reason, str]] = {
        Place.REFUSING: (Reason.REGISTRY_UNREACHABLE, "Check firewalls, private endpoints"),
        Place.SILENT: (Reason.TIMEOUT, "Retrying."),
        Place.STRANGER: (Reason.REGISTRY_UNTRUSTED, "is not signed by a known CA. If a proxy"),
        Place.PLAIN: (Reason.REGISTRY_ERROR, "Check that spec.acrServer is a container registry"),
    }
    for place, (reason, remedy) in registries.items():
        yield Row(
            name=f"registry-{place.name.lower()}", reason=reason, remedy=remedy, calls=IMDS,
            registry=place,
        )  # fmt: skip
    # A name without a DNS record: https://www.rfc-editor.org/rfc/rfc6761#section-6.4
    yield Row(
        name="registry-not-found", reason=Reason.REGISTRY_NOT_FOUND,
        remedy="Check spec.acrServer and cluster DNS", calls=IMDS,
        spec={"acrServer": "no-such-registry.invalid"},
    )  # fmt: skip


ROWS: Final = (
    *spec_rows(), *imds_rows(), *unreachable_rows(), *registry_rows(), *federation_rows()
)  # fmt: skip
