"""What there is to know of one API version of bindings."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeGuard

from hooks.core.fields import JSON
from hooks.core.model.binding import Spec
from hooks.core.names import MAX_NAME_LENGTH, SECRET_PREFIX, UPSTREAM_SECRET_SUFFIX

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names
DNS_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
DNS_SUBDOMAIN: Final = re.compile(rf"{DNS_LABEL}(?:\.{DNS_LABEL})*")
HASH_LENGTH: Final = 16  # hex digits, 64 bits
UPSTREAM_HASH_LENGTH: Final = 10
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
DEFAULT_NAME: Final = "default"
# Begins the remedy in the message that a ServiceAccount's identity has no federated credential.
CREATE_CREDENTIAL: Final = "Create the credential:"


@dataclass(frozen=True, slots=True)
class Api:
    """An API version. *secret_name* returns the name of the Secret of a binding, by its name.

    *parse_spec* takes a valid spec. *target* takes any spec, and returns the name of its
    ServiceAccount, or anything. *issue_time* and *error* are keys of the status: when the token was
    issued, and what is wrong. *fields* are pairs: a field's name in `acrpull.dev`, and its name
    here. *federation_audience* is the audience that another controller requests ServiceAccounts'
    tokens for, so that identities of its bindings trust that one.
    """

    api_version: str
    kind: str
    plural: str
    secret_name: Callable[[str], str]
    parse_spec: Callable[[JSON], Spec]
    target: Callable[[JSON], object]
    issue_time: str = "tokenIssueTime"
    error: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    federation_audience: str | None = None

    @property
    def group(self) -> str:
        """The key of its bindings among the related objects of a request.

        metacontroller@v4.17.2:pkg/controller/common/api/v2/common.go (GroupVersionKind.MarshalText)
        """
        return f"{self.kind}.{self.api_version}"

    def binding_name(self, secret: str) -> str | None:
        """Return the name of a binding whose Secret is named *secret*; None if no name fits.

        A name that was cut and closed with a hash is never returned.
        """
        names = (secret.removeprefix(SECRET_PREFIX), secret.removesuffix(UPSTREAM_SECRET_SUFFIX))
        return next((name for name in names if self.secret_name(name) == secret), None)

    def in_terms_of_api(self, message: str) -> str:
        """Return *message*, about a binding of `acrpull.dev`, in the words of this API.

        The name of an object that ends like a field's name stays as it is.
        """
        for ours, theirs in self.fields:
            if ours in message:  # few are, and each answer asks
                message = re.sub(rf"(?<![-\w]){re.escape(ours)}", theirs, message)
        audience = self.federation_audience
        if audience and CREATE_CREDENTIAL in message and audience not in message:
            other = (
                "If it trusts the default audience of msi-acrpull, ask a cluster administrator to "
                f"set SERVICE_ACCOUNT_TOKEN_AUDIENCE={audience}. Otherwise create the credential:"
            )
            message = message.replace(CREATE_CREDENTIAL, other, 1)
        return message


def is_name(text: object) -> TypeGuard[str]:
    """Say whether *text* can be a Secret's or a ServiceAccount's name."""
    if not isinstance(text, str) or len(text) > MAX_NAME_LENGTH:
        return False
    return DNS_SUBDOMAIN.fullmatch(text) is not None


def valid_name(name: str, binding: str) -> str:
    """Return *name*, made of that of *binding*; where it is none, one of ours that is.

    That is cut, and closed with a hash.
    """
    if is_name(name):
        return name
    digest = hashlib.sha256(binding.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]
    stem = re.sub(r"[^-a-z0-9]+", "-", SECRET_PREFIX + binding)[: MAX_NAME_LENGTH - HASH_LENGTH - 1]
    return f"{stem.rstrip('-')}-{digest}"


def upstream_truncated(binding: str, longest: int) -> str:
    """Return *binding*, a name, as upstream has it where it is longer than *longest*.

    msi-acrpull@8ad7a99:internal/controller/acrpullbinding_controller.go (pullSecretName)
    """
    if len(binding) <= longest:
        return binding
    number, text = (
        int.from_bytes(hashlib.sha224(binding.encode("utf-8", "surrogatepass")).digest()),
        "",
    )
    while number:
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
    return f"{binding[:longest].removesuffix('.')}-{text[:UPSTREAM_HASH_LENGTH]}"


def parse_scope(scope: str | None) -> str | None:
    """Return the scopes in *scope*, each once apart by a space; None where there are none."""
    return " ".join((scope or "").split()) or None
