"""What there is to know of one API version of bindings."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeGuard

from hooks.core.fields import JSON
from hooks.core.model import Spec
from hooks.core.names import MAX_NAME_LENGTH, SECRET_PREFIX, UPSTREAM_SECRET_SUFFIX

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names
DNS_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
DNS_SUBDOMAIN: Final = re.compile(rf"{DNS_LABEL}(?:\.{DNS_LABEL})*")
HASH_LENGTH: Final = 16  # hex digits, 64 bits
UPSTREAM_HASH_LENGTH: Final = 10
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
DEFAULT_NAME: Final = "default"


@dataclass(frozen=True, slots=True)
class Api:
    """An API version; *secret_name* makes the name of a binding's Secret of that of the binding.

    *parse_spec* is for a valid spec; *target*, for any, says whose ServiceAccount it is for, and
    may return anything. *issue_time* and *error* are keys of the status: when the token was issued,
    and what is wrong; *fields* are those that the spec has under another name than ours.
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

    def worded(self, message: str) -> str:
        """Return *message*, about a spec of ours, as it is said of this one.

        A field's name that ends a name of an object's is left alone.
        """
        for ours, theirs in self.fields:
            if ours in message:  # few are, and each answer asks
                message = re.sub(rf"(?<![-\w]){re.escape(ours)}", theirs, message)
        return message


def is_name(text: object) -> TypeGuard[str]:
    """Say whether *text* can be a Secret's or a ServiceAccount's name."""
    if not isinstance(text, str) or len(text) > MAX_NAME_LENGTH:
        return False
    return DNS_SUBDOMAIN.fullmatch(text) is not None


def fitted(name: str, binding: str) -> str:
    """Return *name*, made of that of *binding*; where it is none, one of ours that is.

    That is cut, and closed with a hash.
    """
    if is_name(name):
        return name
    digest = hashlib.sha256(binding.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]
    stem = re.sub(r"[^-a-z0-9]+", "-", SECRET_PREFIX + binding)[: MAX_NAME_LENGTH - HASH_LENGTH - 1]
    return f"{stem.rstrip('-')}-{digest}"


def shortened(binding: str, longest: int) -> str:
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
