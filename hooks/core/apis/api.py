"""An API version of bindings: its names, its parser and its status keys."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeGuard

from hooks.core.fields import JSON
from hooks.core.model.binding import Spec
from hooks.core.model.secret_template import SecretTemplate
from hooks.core.model.targets import EVERY, Targets, one_target
from hooks.core.names import MAX_NAME_LENGTH, SECRET_PREFIX, UPSTREAM_SECRET_SUFFIX

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names
DNS_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
DNS_SUBDOMAIN: Final = re.compile(rf"{DNS_LABEL}(?:\.{DNS_LABEL})*")
HASH_LENGTH: Final = 16  # hex digits, 64 bits
UPSTREAM_HASH_LENGTH: Final = 10
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"  # base 36
DEFAULT_NAME: Final = "default"
MAX_TARGETS: Final = 50  # names in serviceAccountNames
# The start of the remedy if the identity of a ServiceAccount lacks a federated credential.
CREATE_CREDENTIAL: Final = "Create the credential:"


@dataclass(frozen=True, slots=True)
class Api:
    """An API version of bindings.

    *secret_name* takes a binding's name, and returns the name of the binding's Secret.
    *parse_spec* takes a valid spec.
    *targets* takes any spec, and returns the ServiceAccounts; None if the spec has no valid names.
    *secret_template* takes any spec, and returns labels and annotations for the Secret.
    *issue_time* and *error* are status keys: the token's issue time, and a problem.
    *fields* are pairs of a field's name in `acrpull.dev` and in this API.
    *federation_audience* is the audience of ServiceAccount tokens requested by msi-acrpull, so the
    identities of existing bindings trust this audience.
    """

    api_version: str
    kind: str
    plural: str
    secret_name: Callable[[str], str]
    parse_spec: Callable[[JSON], Spec]
    targets: Callable[[JSON], Targets | None]
    secret_template: Callable[[JSON], SecretTemplate] = lambda _: SecretTemplate()
    issue_time: str = "tokenIssueTime"
    error: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    federation_audience: str | None = None

    @property
    def group(self) -> str:
        """The key of this API's bindings among the related objects of a request.

        metacontroller@v4.17.2:pkg/controller/common/api/v2/common.go (GroupVersionKind.MarshalText)
        """
        return f"{self.kind}.{self.api_version}"

    def binding_name(self, secret: str) -> str | None:
        """Return the name of the binding whose Secret has the name *secret*, or None.

        A binding whose Secret name was shortened with a hash is not found.
        """
        names = (secret.removeprefix(SECRET_PREFIX), secret.removesuffix(UPSTREAM_SECRET_SUFFIX))
        return next((name for name in names if self.secret_name(name) == secret), None)

    def in_terms_of_api(self, message: str) -> str:
        """Return *message* with this API's field names in place of `acrpull.dev`'s field names.

        The name of an object that ends like a field's name is not changed.
        """
        for acrpull_field, api_field in self.fields:
            if acrpull_field in message:  # rarely, and cheaper than a regular expression
                message = re.sub(rf"(?<![-\w]){re.escape(acrpull_field)}", api_field, message)
        audience = self.federation_audience
        if audience and CREATE_CREDENTIAL in message and audience not in message:
            other = (
                "If the identity trusts the default audience of msi-acrpull, ask a cluster "
                f"administrator to set SERVICE_ACCOUNT_TOKEN_AUDIENCE={audience}. Otherwise create "
                "the credential:"
            )
            message = message.replace(CREATE_CREDENTIAL, other, 1)
        return message


def is_name(text: object) -> TypeGuard[str]:
    """True if *text* is a valid name of a Secret or ServiceAccount."""
    if not isinstance(text, str) or len(text) > MAX_NAME_LENGTH:
        return False
    return DNS_SUBDOMAIN.fullmatch(text) is not None


def parse_target(name: object) -> Targets | None:
    """Return the ServiceAccount *name*; None if *name* is not valid."""
    return one_target(name) if is_name(name) else None


def parse_target_list(names: object) -> Targets | None:
    """Return the ServiceAccounts *names*; None if *names* is not a valid list."""
    if names == [EVERY]:
        return Targets(frozenset(), every=True, is_list=True)
    if not isinstance(names, list) or len(names) > MAX_TARGETS or not all(map(is_name, names)):
        return None
    return Targets(frozenset(names), is_list=True)


def valid_name(name: str, binding: str) -> str:
    """Return *name* if valid, else a valid name from *binding*, truncated and with a hash."""
    if is_name(name):
        return name
    stem = re.sub(r"[^-a-z0-9]+", "-", SECRET_PREFIX + binding)[: MAX_NAME_LENGTH - HASH_LENGTH - 1]
    return f"{stem.rstrip('-')}-{name_hash(binding)}"


def name_hash(name: str) -> str:
    """Return `HASH_LENGTH` hex digits, the end of a truncated name."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]


def upstream_truncated(binding: str, longest: int) -> str:
    """Return the name *binding*, truncated by msi-acrpull's rule if longer than *longest*.

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
    """Return the scopes in *scope*, separated by single spaces; None if there are none."""
    return " ".join((scope or "").split()) or None
