"""What Entra answers to an assertion, without I/O: codes to reasons, and what to do about each.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import json
import re
from dataclasses import dataclass
from shlex import quote
from typing import Any, Final

from hooks.core.acr import JWT, parse_claims
from hooks.core.federation import trust_command
from hooks.core.identity import FederatedIdentity
from hooks.core.reason import Reason
from hooks.core.token import Hop, MintFailed

# No federated credential at all, none of the issuer, of the audience, of the subject.
UNKNOWN_ASSERTION: Final = frozenset({70021, 70025, 700211, 700212, 700213})
UNKNOWN_IDENTITY: Final = frozenset({700016, 7000229})
UNKNOWN_TENANT: Final = frozenset({90002})
UNKNOWN_AUDIENCE: Final = frozenset({50001, 500011})
WRONG_TIME: Final = frozenset({700024})
CODE: Final = re.compile(r"AADSTS([0-9]{4,8})\b")
TOO_MANY_REQUESTS: Final = 429
SERVER_ERROR: Final = 500
# What a command line shows unharmed.
PLAIN: Final = re.compile(r"[!-~]{1,500}")


@dataclass(frozen=True, slots=True)
class Assertion:
    """Who vouches for whom, as a ServiceAccount's token says, unverified: Entra verifies it."""

    issuer: str
    subject: str
    audience: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no token; *code* is the number after AADSTS, None where there is none."""

    status: int
    code: int | None
    retry_after_seconds: float | None = None


def parse_assertion(token: str, audience: str) -> Assertion | None:
    """Return what *token* says; None where that is no ServiceAccount's token.

    *audience* is what it was asked for, where it says none, or several.
    """
    try:
        claims = parse_claims(token) if JWT.fullmatch(token) else None
    except (ValueError, RecursionError):
        return None
    issuer, about = _text(claims, "iss"), _text(claims, "sub")
    said = claims.get("aud") if isinstance(claims, dict) else None
    only = said[0] if isinstance(said, list) and len(said) == 1 else said
    meant = only if isinstance(only, str) and PLAIN.fullmatch(only) else audience
    return Assertion(issuer, about, meant) if issuer and about else None


def _text(claims: Any, name: str) -> str | None:  # noqa: ANN401  any JSON value
    text = claims.get(name) if isinstance(claims, dict) else None
    return text if isinstance(text, str) and PLAIN.fullmatch(text) else None


def parse_code(content: bytes) -> int | None:
    """Return the number of the error in *content*, an answer of Entra's."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return None
    text = answer.get("error_description") if isinstance(answer, dict) else None
    found = CODE.search(text) if isinstance(text, str) else None
    return int(found[1]) if found else None


def refused(
    identity: FederatedIdentity, audience: str, assertion: Assertion, refusal: Refusal
) -> MintFailed:
    """Sort a *refusal* of a token of *identity* for *audience*.

    Entra's own words have ids and times that change at each try, so they are not shown.
    """
    reason, text = _sort(identity, audience, assertion, refusal)
    return failed(reason, text, refusal.retry_after_seconds)


def _sort(
    identity: FederatedIdentity, audience: str, assertion: Assertion, refusal: Refusal
) -> tuple[Reason, str]:
    code, status = refusal.code, refusal.status
    if status == TOO_MANY_REQUESTS:
        return Reason.THROTTLED, "Entra is throttling token requests; it will be asked again"
    if code is None or status >= SERVER_ERROR:
        return Reason.ENTRA_UNAVAILABLE, (
            f"Entra answered with HTTP {status} and no token; it will be asked again; is "
            "AZURE_AUTHORITY_HOST right?"
        )
    if code in UNKNOWN_ASSERTION:
        return Reason.FEDERATION_REFUSED, _untrusted(identity, assertion)
    return _sort_others(identity, audience, code)


def _sort_others(identity: FederatedIdentity, audience: str, code: int) -> tuple[Reason, str]:
    if code in UNKNOWN_TENANT:
        text = f"Entra knows no tenant {identity.tenant_id}; correct the tenant ID"
        return Reason.IDENTITY_NOT_FOUND, text
    if code in UNKNOWN_IDENTITY:
        return Reason.IDENTITY_NOT_FOUND, (
            f"Entra knows no identity {identity} in tenant {identity.tenant_id}; "
            "correct the client ID, or the tenant ID"
        )
    if code in UNKNOWN_AUDIENCE:
        text = f"Entra refuses the audience {audience}; set TOKEN_AUDIENCE to another"
        return Reason.AUDIENCE_REFUSED, text
    if code in WRONG_TIME:
        text = "Entra says that the ServiceAccount's token is of another time; compare the clocks"
        return Reason.CLOCK_SKEW, f"{text} of the API server and of this node with UTC"
    text = f"Entra refuses identity {identity}: AADSTS{code}; look that up"
    return Reason.IDENTITY_REFUSED, f"{text} at https://login.microsoftonline.com/error"


def _untrusted(identity: FederatedIdentity, assertion: Assertion) -> str:
    command = trust_command(quote(assertion.issuer), assertion.subject, assertion.audience)
    return (
        f"identity {identity} does not trust {assertion.subject} (or Entra does not know it yet, "
        f"which takes minutes); {command}"
    )


def failed(reason: Reason, message: str, retry_after_seconds: float | None = None) -> MintFailed:
    """Return a failure at this hop."""
    return MintFailed(reason, message, retry_after_seconds, hop=Hop.ENTRA)
