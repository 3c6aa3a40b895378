"""Ready-made faults: the rejections of the real Azure, byte for byte.

Put them in force with `FaultBook.add`; `times` is the number of requests; `None`: until cleared.
"""

from collections.abc import Callable, Mapping
from uuid import uuid4

from tests.emulator.acr import acr_error, no_role_body
from tests.emulator.entra import entra_error
from tests.emulator.fault import Fault
from tests.emulator.imds import HEADERS, NOT_FOUND, SEVERAL, imds_error
from tests.emulator.kubernetes import JSON, kubernetes_status
from tests.emulator.message import JSON_UTF8
from tests.emulator.settings import system_clock

_IMDS = dict(HEADERS)
_ACR = {"Server": "openresty", "Content-Type": "application/json; charset=utf-8"}


def identity_not_found(*, times: int | None = None) -> Fault:
    """`imds`: the identity is not assigned to the machine."""
    return Fault(status=400, body=imds_error(NOT_FOUND), headers=_IMDS, times=times)


def multiple_identities(*, times: int | None = None) -> Fault:
    """`imds`: no identity was selected, and the machine has several."""
    return Fault(status=400, body=imds_error(SEVERAL), headers=_IMDS, times=times)


def unknown_resource(
    resource: str = "https://containerregistry.azure.net", *, times: int | None = None
) -> Fault:
    """`imds`: the tenant does not know the *resource*.

    https://github.com/Azure/azure-cli/issues/19556
    """
    description = (
        f"AADSTS500011: The resource principal named {resource} was not found in the tenant."
    )
    body = imds_error(description, error="invalid_resource")
    return Fault(status=400, body=body, headers=_IMDS, times=times)


def imds_entra_refused(
    code: int, text: str = "No.", error: str = "unauthorized_client", *, times: int | None = None
) -> Fault:
    """`imds`: Entra's error AADSTS*code*, quoted by IMDS; with new ids in each body.

    https://github.com/Azure/azure-sdk-for-net/issues/13481
    """
    return Fault(
        status=400,
        body=lambda: entra_error(code, text, error, system_clock()),
        headers=_IMDS,
        times=times,
    )


def imds_throttled(retry_after: int | None = None, *, times: int | None = None) -> Fault:
    """`imds`: 429, as seen without a Retry-After: https://github.com/dotnet/SqlClient/issues/2344.

    With Retry-After, in seconds, azure-identity and msal wait.
    """
    body = imds_error("Temporarily throttled, too many requests")
    headers = _IMDS | _retry_after(retry_after)
    return Fault(status=429, body=body, headers=headers, times=times)


def entra_refused(
    code: int, text: str = "No.", status: int = 401, *, times: int | None = None
) -> Fault:
    """`entra`: the error AADSTS*code*; with new ids and time in each body."""
    return Fault(
        status=status,
        body=lambda: entra_error(code, text, "invalid_client", system_clock()),
        headers={"Content-Type": JSON_UTF8},
        times=times,
    )


def kubernetes_refused(
    status: int, reason: str = "Forbidden", retry_after: int | None = None, text: str = "no"
) -> Fault:
    """`kubernetes`: *status*, with a Status object."""
    body = kubernetes_status(status, reason, text).body
    headers = dict(JSON) | _retry_after(retry_after)
    return Fault(status=status, body=body, headers=headers)


def no_role(*, times: int | None = None) -> Fault:
    """`exchange`: no role on the registry; with a new correlation ID in each body."""
    return Fault(status=401, body=lambda: no_role_body(str(uuid4())), headers=_ACR, times=times)


def firewall(ip: str = "203.0.113.7", *, times: int | None = None) -> Fault:
    """`exchange`, `token`, `v2`: *ip* is outside the registry's network rules.

    https://github.com/docker/build-push-action/issues/1214
    """
    message = (
        f"client with IP '{ip}' is not allowed access."
        " Refer https://aka.ms/acr/firewall to grant access."
    )
    body = acr_error("DENIED", message).replace(b"'", b"\\u0027")
    return Fault(status=403, body=body, headers=_ACR, times=times)


def denied(*, times: int | None = None) -> Fault:
    """`exchange`, `token`, `v2`: a denial without an address.

    https://github.com/Azure/azure-cli/issues/8798
    """
    body = acr_error("DENIED", "requested access to the resource is denied")
    return Fault(status=403, body=body, headers=_ACR, times=times)


def registry_down(status: int = 503, *, times: int | None = None) -> Fault:
    """`exchange`, `token`, `v2`: the front end of a failing registry.

    https://github.com/microsoft/containerregistry/issues/131
    """
    title = f"{status} Service Temporarily Unavailable"
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>"
        "</center>\r\n<hr><center>openresty</center>\r\n</body>\r\n</html>\r\n"
    )
    headers = _ACR | {"Content-Type": "text/html"}
    return Fault(status=status, body=body, headers=headers, times=times)


def web_page(status: int = 403, *, times: int | None = None) -> Fault:
    """Any: an invented page of a proxy or firewall, with an id and an address."""
    page = (
        "<!DOCTYPE html>\n<html><head><title>ERROR: Access Denied</title></head>\n<body>"
        f"<p>Your request from 203.0.113.7 was blocked. Reference {uuid4()}</p></body></html>\n"
    )
    headers = {"Server": "squid/5.7", "Content-Type": "text/html;charset=utf-8"}
    return Fault(status=status, body=page, headers=headers, times=times)


def acr_throttled(retry_after: int | None = 1, *, times: int | None = None) -> Fault:
    """`exchange`, `token`, `v2`: 429 with Retry-After in seconds, or without; the body is assumed.

    https://learn.microsoft.com/azure/container-registry/container-registry-skus
    """
    body = acr_error("TOOMANYREQUESTS", "too many requests")
    headers = _ACR | _retry_after(retry_after)
    return Fault(status=429, body=body, headers=headers, times=times)


def _retry_after(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": str(seconds)}


BY_NAME: Mapping[str, Callable[..., Fault]] = {
    "identity_not_found": identity_not_found,
    "multiple_identities": multiple_identities,
    "unknown_resource": unknown_resource,
    "imds_entra_refused": imds_entra_refused,
    "imds_throttled": imds_throttled,
    "entra_refused": entra_refused,
    "kubernetes_refused": kubernetes_refused,
    "no_role": no_role,
    "firewall": firewall,
    "denied": denied,
    "registry_down": registry_down,
    "web_page": web_page,
    "acr_throttled": acr_throttled,
}
