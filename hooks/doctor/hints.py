"""Recognizes common mistakes in a binding's values. No I/O."""

import re
from collections.abc import Iterator
from typing import Final

from hooks.core.fields import JSON
from hooks.core.names import UPSTREAM_V1BETA1, UPSTREAM_V1BETA2
from hooks.schemas import check_spec, version_of

# https://learn.microsoft.com/azure/container-registry/container-registry-endpoint-reference
REGIONAL: Final = re.compile(r"([-a-z0-9]+)\.[-a-z0-9]+\.geo\.(azurecr\.(?:io|cn|us))")
# everjing/msi-acrpull@37fd4d3:config/samples/msi-acrpull_v1beta1_acrpullbinding.yaml, a fork with
# upstream's API version.
FORK: Final = {"workloadIdentityClientID": "clientID", "workloadIdentityTenantID": "tenantID"}


def with_swapped_fields(manifest: JSON, problems: tuple[str, ...]) -> tuple[str, ...]:
    """Return *problems* of *manifest*, with a single problem for a swapped server and scope."""
    nested = version_of(manifest) == UPSTREAM_V1BETA2
    spec = manifest.get("spec")
    fields = spec.get("acr") if nested and isinstance(spec, dict) else spec
    if not isinstance(fields, dict):
        return problems
    key, parent = ("server", "spec.acr") if nested else ("acrServer", "spec")
    paths = (f"{parent}.{key}", f"{parent}.scope")
    found = _swapped(*paths, fields.get(key), fields.get("scope"))
    if found is None:
        return problems
    starts = tuple(f"{path}{after}" for path in paths for after in (": ", " is missing"))
    return (found, *(p for p in problems if not p.startswith(starts)))


def _swapped(server_path: str, scope_path: str, server: object, scope: object) -> str | None:
    scope_in_server = server is not None and check_spec({"scope": server}) is None
    server_in_scope = scope is not None and check_spec({"acrServer": scope}) is None
    if scope_in_server and server_in_scope:
        return (
            f"{server_path} and {scope_path} are swapped. Set {server_path} to {scope} and "
            f"{scope_path} to {server}."
        )
    if scope_in_server and scope is None:
        return f"{server_path}: {server} is a scope, not a login server. Move it to {scope_path}."
    if server_in_scope and server is None:
        return f"{scope_path}: {scope} is a login server, not a scope. Move it to {server_path}."
    return None


def fork_fields(manifest: JSON) -> Iterator[str]:
    """Yield a note if *manifest* has fields of a fork of msi-acrpull.

    The API server drops unknown fields, unless the client requests strict validation like kubectl.
    https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
    """
    spec = manifest.get("spec")
    if version_of(manifest) != UPSTREAM_V1BETA1 or not isinstance(spec, dict):
        return
    given = [field for field in FORK if field in spec]
    if given:
        identity = ", ".join(f"{FORK[field]}: {spec[field]}" for field in given)
        yield (
            f"{' and '.join(given)}: only a fork of msi-acrpull has these fields. A client "
            "without strict validation drops them, and the binding then uses the service's default "
            "identity, if there is one. Use an ACRPullBinding of acrpull.dev/v1beta1 with "
            f"spec.workloadIdentity: {{{identity}}}"
        )


def regional_endpoint(server: str) -> Iterator[str]:
    """Yield a note if *server* is a regional endpoint of a registry.

    Kubelets and other clients select the entry of a docker config by the image's host.
    https://kubernetes.io/docs/concepts/containers/images/#config-json
    """
    found = REGIONAL.fullmatch(server)
    if found:
        yield (
            f"{server} is a regional endpoint. The Secret does not match images of "
            f"{found[1]}.{found[2]}. Create a binding for each host that image names begin with."
        )
