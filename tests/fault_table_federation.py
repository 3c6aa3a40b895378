"""Failures of workload identities: at the API server, and at Entra."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hooks.core.model.reason import Reason
from tests.emulator import Fault, entra_refused, kubernetes_refused, web_page
from tests.emulator.fault import Endpoint
from tests.fault_row import SLOW, Calls, Place, Row

ASSERTION: Final = Calls(kubernetes=1)
ENTRA: Final = Calls(kubernetes=1, entra=1)
ELSEWHERE: Final = {"Location": "https://127.0.0.1:1/"}
LATER: Final = "Retrying."
RIGHTS: Final = "metacontroller/workload-identity"
# A denial of metacontroller/workload-identity/token-requests.yaml
POLICY: Final = (
    "serviceaccounts \"default\" is forbidden: ValidatingAdmissionPolicy 'acrpull-token-requests' "
    "with binding 'acrpull-token-requests' denied request: acrpull may request tokens only for the "
    "audience api://AzureADTokenExchange"
)
Answer = tuple[str, Reason, str, Fault, int]  # name, reason, remedy, fault, Retry-After


def federation_rows() -> Iterator[Row]:
    """Yield all rows of this module."""
    yield from assertion_rows()
    yield from entra_rows()
    yield from malformed_rows()
    yield from trust_rows()
    yield from place_rows()


def assertion_rows() -> Iterator[Row]:
    """Yield the answers of the API server without a token."""
    refused, gone = Reason.TOKEN_REQUEST_REFUSED, Reason.API_SERVER_UNAVAILABLE
    answers: list[Answer] = [
        ("401", refused, RIGHTS, kubernetes_refused(401, "Unauthorized"), 0),
        ("forbidden", refused, RIGHTS, kubernetes_refused(403), 0),
        ("invalid", refused, RIGHTS, kubernetes_refused(422, "Invalid"), 0),
        ("policy", refused, "Change the policy", kubernetes_refused(403, text=POLICY), 0),
        ("not-found", Reason.SERVICE_ACCOUNT_NOT_FOUND, "Create it",
         kubernetes_refused(404, "NotFound"), 0),
        ("throttled-42", Reason.THROTTLED, LATER, kubernetes_refused(429, "Busy", 42), 42),
        ("500", gone, LATER, kubernetes_refused(500, "InternalError"), 0),
        ("redirect", gone, LATER, Fault(status=307, headers=ELSEWHERE), 0),
        ("html", gone, "without a token", Fault(status=201, body="<html>"), 0),
        ("list", gone, "without a token", Fault(status=201, body="[]"), 0),
        ("no-jwt", gone, "without a token", Fault(status=201, body={"status": {"token": "x"}}), 0),
        ("endless", gone, "without a token", Fault(status=201, endless=True), 0),
        ("reset", gone, "network policies", Fault(reset=True), 0),
        ("slow", Reason.TIMEOUT, LATER, SLOW, 0),
        ("dribble", Reason.TIMEOUT, LATER, Fault(status=201, body="x" * 99, dribble=0.5), 0),
    ]  # fmt: skip
    yield from rows("assertion", ASSERTION, "kubernetes", answers)


def entra_rows() -> Iterator[Row]:
    """Yield Entra's rejections of an assertion, and outages of Entra."""
    gone, refused = Reason.ENTRA_UNAVAILABLE, Reason.IDENTITY_REFUSED
    unreachable, authority = Reason.ISSUER_UNREACHABLE, "Check AZURE_AUTHORITY_HOST"
    busy = Fault(status=429, headers={"Retry-After": "42"})
    # https://github.com/AzureAD/microsoft-authentication-library-for-dotnet/issues/2855
    plain = Fault(status=429, body="Too Many Requests", headers={"Retry-After": "60"})
    answers: list[Answer] = [
        ("clock", Reason.CLOCK_SKEW, "Check the clocks", entra_refused(700024), 0),
        ("audience", Reason.AUDIENCE_REFUSED, "TOKEN_AUDIENCE", entra_refused(500011), 0),
        # https://github.com/AzureAD/microsoft-authentication-library-for-dotnet/issues/3150
        ("audience-disabled", Reason.AUDIENCE_REFUSED, "(AADSTS500014)", entra_refused(500014), 0),
        # https://github.com/AzureAD/microsoft-authentication-library-for-java/issues/597
        ("conditional", refused, "AADSTS53003: a Conditional Access", entra_refused(53003), 0),
        ("disabled", refused, "its application is disabled", entra_refused(7000112), 0),
        ("other", refused, "error?code=7000215", entra_refused(7000215), 0),
        ("key", refused, "Publish the API server's current", entra_refused(700027), 0),
        # https://github.com/Azure/azure-workload-identity/issues/605, /642
        ("issuer", unreachable, "openid-configuration", entra_refused(90061, status=400), 0),
        ("issuer-throttled", unreachable, "OIDC issuer", entra_refused(50166, status=400), 0),
        # https://github.com/Azure/AKS/issues/4029
        ("issuer-fails", unreachable, LATER, entra_refused(501661, status=400), 0),
        ("throttled", Reason.THROTTLED, LATER, Fault(status=429), 0),
        ("throttled-42", Reason.THROTTLED, LATER, busy, 42),
        ("throttled-60", Reason.THROTTLED, LATER, plain, 60),
        ("throttled-tenant", Reason.THROTTLED, LATER, entra_refused(90055, status=400), 0),
        # https://github.com/AzureAD/microsoft-authentication-library-for-dotnet/issues/2808
        ("throttled-loop", Reason.THROTTLED, LATER, entra_refused(50196, status=400), 0),
        ("500", gone, "HTTP 503 (AADSTS90033)", entra_refused(90033, status=503), 0),
        ("transient", gone, "HTTP 400 (AADSTS90024)", entra_refused(90024, status=400), 0),
        # https://github.com/Azure/azure-cli/issues/14275
        ("503-html", gone, "HTTP 503 (text/html). Retrying", web_page(503), 0),
        ("proxy-page", gone, "HTTP 403 (text/html)", web_page(), 0),
        ("proxy-login", gone, "HTTP 511 (text/html)", web_page(511), 0),
        ("no-code", gone, "HTTP 400 (invalid_request)",
         Fault(status=400, body={"error": "invalid_request"}), 0),
        ("404", gone, authority, Fault(status=404, body="<html>"), 0),
        ("redirect", gone, authority, Fault(status=302, headers=ELSEWHERE), 0),
        ("reset", gone, "firewalls", Fault(reset=True), 0),
        ("slow", Reason.TIMEOUT, LATER, SLOW, 0),
        ("dribble", Reason.TIMEOUT, LATER, Fault(body="x" * 99, dribble=0.5), 0),
    ]  # fmt: skip
    yield from rows("entra", ENTRA, "entra", answers)


def rows(what: str, calls: Calls, endpoint: Endpoint, answers: Sequence[Answer]) -> Iterator[Row]:
    """Yield a row for each of *answers* of *endpoint*, reached by *calls*."""
    for name, reason, remedy, fault, retry_after in answers:
        yield Row(
            name=f"{what}-{name}", reason=reason, remedy=remedy, calls=calls, workload=True,
            faults={endpoint: fault}, retry_after=retry_after,
        )  # fmt: skip


def malformed_rows() -> Iterator[Row]:
    """Yield answers of Entra with status 200 and without a token."""
    good = {"token_type": "Bearer", "expires_in": 3599, "access_token": "x"}
    answers: Mapping[str, Fault] = {
        "html": Fault(body="<html>"),
        "truncated": Fault(body='{"access_token": "ey'),
        "list": Fault(body="[]"),
        "null": Fault(body="null"),
        "empty": Fault(body="{}"),
        "no-token": Fault(body={"token_type": "Bearer", "expires_in": 3599}),
        "number": Fault(body=good | {"access_token": 5}),
        "no-text": Fault(body=good | {"access_token": "a\nb"}),
        "no-time": Fault(body=good | {"expires_in": []}),
        "odd-id": Fault(body=good | {"id_token": 5, "client_info": []}),
        "endless": Fault(endless=True),
    }
    for name, fault in answers.items():
        yield Row(
            name=f"entra-{name}", reason=Reason.ENTRA_UNAVAILABLE, remedy="token", calls=ENTRA,
            faults={"entra": fault}, workload=True,
        )  # fmt: skip


def trust_rows() -> Iterator[Row]:
    """Yield rejections because Entra does not know the credential, identity, issuer or tenant."""
    pending, refused = Reason.FEDERATION_PENDING, Reason.FEDERATION_REFUSED
    create = "az identity federated-credential create "
    yield Row(
        name="entra-no-trust", reason=refused, pending_if_new=pending, workload=True, calls=ENTRA,
        remedy=create, settings={"federated": ()},
    )  # fmt: skip
    # https://github.com/Azure/login/issues/515, /482, https://github.com/microsoft/Agents/issues/202
    parts = {70021: "subject ", 700211: "issuer ", 700212: "audience ", 700213: "subject ",
             7002137: "subject ", 7002138: "only in upper and lower case"}  # fmt: skip
    for code, part in parts.items():
        yield Row(
            name=f"entra-{code}", reason=refused, pending_if_new=pending, workload=True,
            calls=ENTRA, remedy=part, faults={"entra": entra_refused(code, status=400)},
        )  # fmt: skip
    # https://github.com/Azure/azure-workload-identity/issues/616
    inside = {"issuer": "https://kubernetes.default.svc.cluster.local"}
    yield Row(
        name="entra-issuer-unread", reason=Reason.ISSUER_UNREACHABLE, workload=True, calls=ENTRA,
        remedy="Enable the cluster's OIDC issuer", settings=inside,
    )  # fmt: skip
    yield Row(
        name="entra-issuer-unknown", reason=Reason.ISSUER_UNREACHABLE, workload=True, calls=ENTRA,
        remedy="Enable the cluster's OIDC issuer", settings=inside,
        faults={"entra": entra_refused(70021, status=400)},
    )  # fmt: skip
    yield Row(
        name="entra-no-identity", reason=Reason.IDENTITY_NOT_FOUND, remedy="Fix the client ID",
        calls=ENTRA, workload=True, settings={"federated": (), "identities": ()},
    )  # fmt: skip
    yield Row(
        name="entra-no-tenant", reason=Reason.IDENTITY_NOT_FOUND, remedy="Fix the tenant ID",
        calls=ENTRA, workload=True, settings={"tenants": ()},
    )  # fmt: skip


def place_rows() -> Iterator[Row]:
    """Yield failures without an answer, or with the certificate of another CA."""
    api, entra = Reason.API_SERVER_UNAVAILABLE, Reason.ENTRA_UNAVAILABLE
    servers = {
        Place.REFUSING: (api, "network policies"),
        Place.SILENT: (Reason.TIMEOUT, LATER),
        Place.STRANGER: (api, "ca.crt"),
    }
    for place, (reason, remedy) in servers.items():
        yield Row(
            name=f"api-server-{place.name.lower()}", reason=reason, remedy=remedy, workload=True,
            api_server=place,
        )  # fmt: skip
    entras = {
        Place.REFUSING: (entra, "Check firewalls, proxies and AZURE_AUTHORITY_HOST"),
        Place.SILENT: (Reason.TIMEOUT, LATER),
        Place.STRANGER: (entra, "AZURE_AUTHORITY_CA_FILE"),
    }
    for place, (reason, remedy) in entras.items():
        yield Row(
            name=f"entra-{place.name.lower()}", reason=reason, remedy=remedy, calls=ASSERTION,
            workload=True, entra=place,
        )  # fmt: skip
