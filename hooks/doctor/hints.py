"""Recognizes common mistakes in manifests: in a binding's values, and in annotations. No I/O."""

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from hooks.core.fields import JSON
from hooks.core.model.targets import EVERY
from hooks.core.names import (
    API_VERSION,
    ATTACHED_ANNOTATION,
    CLIENT_ID_ANNOTATION,
    GROUP,
    IDENTITIES_ANNOTATION,
    INPUTS_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    SERVERS_ANNOTATION,
    TENANT_ID_ANNOTATION,
    UPSTREAM_V1BETA1,
    UPSTREAM_V1BETA2,
)
from hooks.schemas import check_spec, version_of

# https://learn.microsoft.com/azure/container-registry/container-registry-endpoint-reference
REGIONAL: Final = re.compile(r"([-a-z0-9]+)\.[-a-z0-9]+\.geo\.(azurecr\.(?:io|cn|us))")
# everjing/msi-acrpull@37fd4d3:config/samples/msi-acrpull_v1beta1_acrpullbinding.yaml, a fork with
# upstream's API version.
FORK: Final = {"workloadIdentityClientID": "clientID", "workloadIdentityTenantID": "tenantID"}
# The annotations of acrpull, by kind of object. A binding has none.
ANNOTATIONS: Final = {
    "Namespace": (IDENTITIES_ANNOTATION, SERVERS_ANNOTATION),
    "ServiceAccount": (
        CLIENT_ID_ANNOTATION,
        TENANT_ID_ANNOTATION,
        PULL_SECRETS_ANNOTATION,
        ATTACHED_ANNOTATION,
    ),
    "Secret": (INPUTS_ANNOTATION,),
}
KIND_OF: Final = {key: kind for kind, keys in ANNOTATIONS.items() for key in keys}
PREFIX: Final = f"{GROUP}/"
# Ratios of difflib (0 to 1). Keys, or names after the same prefix, are similar from this ratio on.
SIMILAR_KEYS: Final = 0.85
SIMILAR_NAMES: Final = 0.75


def with_swapped_fields(
    manifest: JSON, problems: tuple[str, ...], path: str = "spec"
) -> tuple[str, ...]:
    """Return *problems* of *manifest*, with a single problem for a swapped server and scope.

    *path* is the path of the spec in *problems*.
    """
    nested = version_of(manifest) == UPSTREAM_V1BETA2
    spec = manifest.get("spec")
    fields = spec.get("acr") if nested and isinstance(spec, dict) else spec
    if not isinstance(fields, dict):
        return problems
    key, parent = ("server", f"{path}.acr") if nested else ("acrServer", path)
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


def several_accounts(manifest: JSON, path: str = "spec") -> Iterator[str]:
    """Yield a note if *manifest* has several ServiceAccounts in the field for a single name.

    *path* is the path of the spec in the note.
    """
    spec = manifest.get("spec")
    if version_of(manifest) != API_VERSION or not isinstance(spec, dict):
        return
    name = spec.get("serviceAccountName")
    names = name.replace(",", " ").split() if isinstance(name, str) else name
    several = names == [EVERY] or (isinstance(names, list) and len(names) > 1)
    if several and check_spec({"serviceAccountNames": names}) is None:
        field = f"serviceAccountNames: {json.dumps(names)}"
        yield f"{path}.serviceAccountName takes a single name. For several, set {field}"


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


def ineffective_annotations(kind: str, meta: Any) -> Iterator[str]:  # noqa: ANN401  any JSON value
    """Yield a problem for each ineffective annotation in *meta*, metadata of an object of *kind*.

    A key is checked if the key has acrpull's prefix or is similar to a key in `ANNOTATIONS`.
    """
    known = ANNOTATIONS.get(kind, ())
    for key in _keys(meta, "annotations"):
        meant = _meant(key, known)
        if key in known or (meant is None and not key.startswith(PREFIX)):
            continue
        if KIND_OF.get(key, kind) != kind:
            yield f"annotation {key} has no effect here. Set it on the {KIND_OF[key]}."
        elif meant is not None:
            yield f"annotation {key} is unknown and has no effect. Did you mean {meant}?"
        else:
            valid = [key for key in known if key.startswith(PREFIX)]
            instead = f"Known annotations: {', '.join(valid)}." if valid else "Remove it."
            yield f"annotation {key} is unknown and has no effect. {instead}"
    for key in _keys(meta, "labels"):
        if key in known:
            yield f"label {key} has no effect. Set it as an annotation."


def _keys(meta: Any, field: str) -> list[str]:  # noqa: ANN401  any JSON value
    found = meta.get(field) if isinstance(meta, dict) else None
    return [key for key in found if isinstance(key, str)] if isinstance(found, dict) else []


def _meant(key: str, known: tuple[str, ...]) -> str | None:
    """Return the most similar key among *known*; None if no key is similar.

    With acrpull's prefix, any two keys are similar, so only the names after the prefix count.
    """
    if not key.startswith(PREFIX):
        return next(iter(get_close_matches(key, known, 1, SIMILAR_KEYS)), None)
    names = [name.removeprefix(PREFIX) for name in known if name.startswith(PREFIX)]
    found = get_close_matches(key.removeprefix(PREFIX), names, 1, SIMILAR_NAMES)
    return f"{PREFIX}{found[0]}" if found else None
