"""The reason and the remedy for each of Entra's error codes, without I/O.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from shlex import quote
from typing import Any, Final
from urllib.parse import urlsplit

from hooks.core.apis.api import CREATE_CREDENTIAL
from hooks.core.exchange.federation import trust_command
from hooks.core.exchange.received import SERVER_ERRORS, TOO_MANY_REQUESTS, described, parsed
from hooks.core.exchange.registry_protocol import JWT, STATUS_PAGE, parse_claims
from hooks.core.model.identity import FederatedIdentity
from hooks.core.model.reason import Reason
from hooks.core.model.token import Hop, MintFailed

# Entra's error codes (AADSTS) by their meaning for a client with an assertion, or for IMDS.
# Messages show other codes unchanged.
# 70025: the identity has no federated credential. Codes that begin with 70021: no federated
# credential matches the token's issuer, audience or subject, or the subject differs in upper and
# lower case only. Entra's text: "No matching federated identity record found".
# https://github.com/Azure/login/issues/515, /482, https://github.com/microsoft/Agents/issues/202
NO_CREDENTIAL: Final = 70025
NO_MATCH: Final = "70021"  # the start of the codes below
OTHER_ISSUER: Final = 700211
OTHER_AUDIENCE: Final = 700212
OTHER_CASE: Final = 7002138
# "Request to External OIDC endpoint failed": Entra can't read the issuer's keys.
# https://github.com/Azure/azure-workload-identity/issues/605, /642
# https://github.com/Azure/AKS/issues/4029
UNREADABLE_ISSUER: Final = frozenset({90061, 50166, 501661})
UNKNOWN_IDENTITY: Final = frozenset({700016, 700011, 7000229})
UNKNOWN_TENANT: Final = frozenset({90002, 90038})
UNKNOWN_AUDIENCE: Final = frozenset({50001, 500011, 500014})
WRONG_TIME: Final = frozenset({700024})
WRONG_KEY: Final = frozenset({700027})
# The tenant exceeds its limit (90055); a client repeats the same request too often (50196).
THROTTLED: Final = frozenset({90055, 50196})
TRANSIENT: Final = frozenset({50033, 90006, 90012, 90024, 90033, 90090})
EXPLAINED: Final = {
    53003: "a Conditional Access policy blocks it",
    530032: "a security policy of the tenant blocks it",
    7000112: "its application is disabled",
}
CODE: Final = re.compile(r"AADSTS([0-9]{4,8})\b")
LOOKUP: Final = "https://login.microsoftonline.com/error?code="
# A claim in visible ASCII, which a message can show in a command.
VISIBLE_ASCII: Final = re.compile(r"[!-~]{1,500}")
# Top-level domains of clusters and private networks. Public DNS does not resolve these domains.
# https://www.iana.org/assignments/special-use-domain-names
PRIVATE_DOMAINS: Final = frozenset(
    {"svc", "local", "localhost", "internal", "localdomain", "lan", "test", "invalid"}
)


@dataclass(frozen=True, slots=True)
class Assertion:
    """The claims of a ServiceAccount token. Entra verifies the claims; acrpull does not."""

    issuer: str
    subject: str
    audience: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A response without a token.

    *code* is the number after AADSTS, or None. *shown* describes the response in messages, e.g.
    "HTTP 503 (text/html)".
    """

    status: int
    code: int | None
    retry_after_seconds: float | None = None
    shown: str = ""


def entra_scope(audience: str) -> str:
    """Return the scope of a request to Entra for a token for *audience*."""
    return f"{audience.removesuffix('/.default')}/.default"


def parse_assertion(token: str, audience: str) -> Assertion | None:
    """Return the claims of *token*, or None if *token* is not a ServiceAccount token.

    *audience* is the requested audience. It counts if the token names no audience, or several.
    """
    try:
        claims = parse_claims(token) if JWT.fullmatch(token) else None
    except (ValueError, RecursionError):
        return None
    issuer, about = _text(claims, "iss"), _text(claims, "sub")
    said = claims.get("aud") if isinstance(claims, dict) else None
    only = said[0] if isinstance(said, list) and len(said) == 1 else said
    meant = only if isinstance(only, str) and VISIBLE_ASCII.fullmatch(only) else audience
    return Assertion(issuer, about, meant) if issuer and about else None


def _text(claims: Any, name: str) -> str | None:  # noqa: ANN401  any JSON value
    text = claims.get(name) if isinstance(claims, dict) else None
    return text if isinstance(text, str) and VISIBLE_ASCII.fullmatch(text) else None


def parse_refusal(
    status: int, content_type: str | None, retry_after_seconds: float | None, content: bytes
) -> Refusal:
    """Return the status, the error code and the wait in a response without a token."""
    code = parse_code(content)
    shown = described(status, content_type, content)
    if code is not None:
        shown = f"HTTP {status} (AADSTS{code})"
    return Refusal(status, code, retry_after_seconds, shown)


def parse_code(content: bytes) -> int | None:
    """Return the AADSTS number in a response of Entra, or of IMDS quoting Entra; else None."""
    text = parsed(content).get("error_description")
    found = CODE.search(text) if isinstance(text, str) else None
    return int(found[1]) if found else None


def explain_refusal(
    identity: FederatedIdentity, audience: str, assertion: Assertion, refusal: Refusal
) -> MintFailed:
    """Return the failure for *identity* after Entra rejected *assertion* with *refusal*.

    The message omits Entra's own text, because its IDs and times would change the status at every
    retry.
    """
    reason, text = _explain(identity, audience, assertion, refusal)
    return entra_failure(reason, text, refusal.retry_after_seconds)


def _explain(
    identity: FederatedIdentity, audience: str, assertion: Assertion, refusal: Refusal
) -> tuple[Reason, str]:
    code = refusal.code
    if refusal.status == TOO_MANY_REQUESTS or refusal.status in SERVER_ERRORS or code is None:
        return _unexpected(refusal)
    mismatch = code == NO_CREDENTIAL or str(code).startswith(NO_MATCH)
    if code in UNREADABLE_ISSUER or (mismatch and is_private(assertion.issuer)):
        return Reason.ISSUER_UNREACHABLE, _unreadable(assertion.issuer, code)
    if mismatch:
        return Reason.FEDERATION_REFUSED, _untrusted(identity, assertion, code)
    return _explain_others(identity, audience, assertion, refusal)


def _explain_others(
    identity: FederatedIdentity, audience: str, assertion: Assertion, refusal: Refusal
) -> tuple[Reason, str]:
    code = refusal.code
    if code in UNKNOWN_TENANT:
        return Reason.IDENTITY_NOT_FOUND, (
            f'Entra has no tenant "{identity.tenant_id}" (AADSTS{code}). Fix the tenant ID, or set '
            "AZURE_AUTHORITY_HOST if the tenant is in another cloud."
        )
    if code in UNKNOWN_IDENTITY:
        return Reason.IDENTITY_NOT_FOUND, (
            f'Entra has no identity "{identity}" in tenant "{identity.tenant_id}" (AADSTS{code}). '
            "Fix the client ID, or the tenant ID."
        )
    if code in WRONG_TIME:
        return Reason.CLOCK_SKEW, (
            f"Entra rejected the ServiceAccount token as expired or not yet valid (AADSTS{code}). "
            "Check the clocks of the API server and of the node of acrpull's Pod."
        )
    if code in WRONG_KEY:
        return Reason.IDENTITY_REFUSED, (
            f"Entra could not verify the signature of the ServiceAccount token (AADSTS{code}). "
            "Publish the API server's current signing keys at its issuer "
            f'"{assertion.issuer}".'
        )
    return explain_code(str(identity), audience, refusal)


def _unexpected(refusal: Refusal) -> tuple[Reason, str]:
    """Return the reason and message for a response with status 429 or 5xx, or without a code."""
    if refusal.status == TOO_MANY_REQUESTS:
        return Reason.THROTTLED, "Entra is throttling token requests. Retrying."
    if refusal.status in SERVER_ERRORS:
        return Reason.ENTRA_UNAVAILABLE, _failing(refusal)
    return Reason.ENTRA_UNAVAILABLE, (
        f"Entra returned an unexpected {refusal.shown} without a token. Retrying. Check "
        "AZURE_AUTHORITY_HOST, and that no proxy answers in Entra's place."
    )


def _failing(refusal: Refusal) -> str:
    return (
        f"Entra is failing with {refusal.shown}. Retrying. If this persists, see Azure's status "
        f"page: {STATUS_PAGE}"
    )


def explain_code(identity: str, audience: str, refusal: Refusal) -> tuple[Reason, str]:
    """Return the reason and message for an error code in a response to acrpull or to IMDS."""
    code = refusal.code or 0
    if code in THROTTLED:
        return Reason.THROTTLED, f"Entra is throttling token requests (AADSTS{code}). Retrying."
    if code in TRANSIENT:
        return Reason.ENTRA_UNAVAILABLE, _failing(refusal)
    if code in UNKNOWN_AUDIENCE:
        text = f'Entra rejected audience "{audience}" (AADSTS{code}). Change TOKEN_AUDIENCE.'
        return Reason.AUDIENCE_REFUSED, text
    why = f": {EXPLAINED[code]}" if code in EXPLAINED else ""
    text = f'Entra rejected identity "{identity}" with AADSTS{code}{why}. See {LOOKUP}{code}'
    return Reason.IDENTITY_REFUSED, text


def is_private(issuer: str) -> bool:
    """True if Entra can't reach *issuer*, the `iss` of a token, over the public internet.

    A cluster without a public OIDC issuer has a private issuer: `https://kubernetes.default.svc`.
    """
    try:
        url = urlsplit(issuer)
        host = (url.hostname or "").removesuffix(".")
    except ValueError:
        return True
    if url.scheme != "https" or not host:
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.rpartition(".")[2] in PRIVATE_DOMAINS


def _unreadable(issuer: str, code: int) -> str:
    """Return the message for an *issuer* whose keys Entra can't read."""
    if is_private(issuer):
        return (
            f"Entra can't reach the issuer of this cluster's tokens, \"{issuer}\" (AADSTS{code}). "
            "Enable the cluster's OIDC issuer, so that tokens name a public URL as their issuer."
        )
    return (
        f'Entra could not read the OIDC issuer "{issuer}" (AADSTS{code}). Retrying. If this '
        "persists, enable the cluster's OIDC issuer, and make its "
        "/.well-known/openid-configuration and the keys named there readable from the internet."
    )


def _untrusted(identity: FederatedIdentity, assertion: Assertion, code: int) -> str:
    """Return the message for a missing federated credential, with the command to create it."""
    command = trust_command(quote(assertion.issuer), assertion.subject, assertion.audience)
    if code == OTHER_CASE:
        return (
            f'A federated credential of identity "{identity}" differs from subject '
            f'"{assertion.subject}" only in upper and lower case. Delete it and create it again: '
            f"{command}"
        )
    part = {OTHER_ISSUER: f'issuer "{assertion.issuer}"',
            OTHER_AUDIENCE: f'audience "{assertion.audience}"'}  # fmt: skip
    needed = part.get(code, f'subject "{assertion.subject}"')
    create = CREATE_CREDENTIAL if identity.account else "Create it:"
    return (
        f'Identity "{identity}" has no federated credential with {needed}, or the credential is '
        f"less than 10 minutes old. {create} {command}"
    )


def entra_failure(
    reason: Reason, message: str, retry_after_seconds: float | None = None
) -> MintFailed:
    """Return a failure of the request to Entra."""
    return MintFailed(reason, message, retry_after_seconds, hop=Hop.ENTRA)
