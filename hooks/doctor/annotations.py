"""Annotations that are meant for acrpull but have no effect, because a key is misspelled."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from hooks.core.names import (
    ATTACHED_ANNOTATION,
    CLIENT_ID_ANNOTATION,
    GROUP,
    IDENTITIES_ANNOTATION,
    INPUTS_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    SERVERS_ANNOTATION,
    TENANT_ID_ANNOTATION,
)

# The annotations that acrpull reads, by kind. A binding has none.
KNOWN: Final = {
    "Namespace": (IDENTITIES_ANNOTATION, SERVERS_ANNOTATION),
    "ServiceAccount": (
        CLIENT_ID_ANNOTATION,
        TENANT_ID_ANNOTATION,
        PULL_SECRETS_ANNOTATION,
        ATTACHED_ANNOTATION,
    ),
    "Secret": (INPUTS_ANNOTATION,),
}
KIND_OF: Final = {key: kind for kind, keys in KNOWN.items() for key in keys}
PREFIX: Final = f"{GROUP}/"
# The ratios of difflib above which two keys, and two names after one prefix, are alike.
ALIKE_KEYS: Final = 0.85
ALIKE_NAMES: Final = 0.75


def misspelled(kind: str, meta: Any) -> Iterator[str]:  # noqa: ANN401  any JSON value
    """Yield a problem for each key in *meta*, metadata of an object of *kind*, without effect."""
    known = KNOWN.get(kind, ())
    for key in _keys(meta, "annotations"):
        meant = _meant(key, known)
        if key in known or (meant is None and not key.startswith(PREFIX)):
            continue
        if KIND_OF.get(key, kind) != kind:
            yield f"annotation {key} has no effect here. Set it on the {KIND_OF[key]}."
        elif meant is not None:
            yield f"annotation {key} is unknown and has no effect. Did you mean {meant}?"
        else:
            ours = [key for key in known if key.startswith(PREFIX)]
            instead = f"Known annotations: {', '.join(ours)}." if ours else "Remove it."
            yield f"annotation {key} is unknown and has no effect. {instead}"
    for key in _keys(meta, "labels"):
        if key in known:
            yield f"label {key} has no effect. Set it as an annotation."


def _keys(meta: Any, field: str) -> list[str]:  # noqa: ANN401  any JSON value
    found = meta.get(field) if isinstance(meta, dict) else None
    return [key for key in found if isinstance(key, str)] if isinstance(found, dict) else []


def _meant(key: str, known: tuple[str, ...]) -> str | None:
    """Return the annotation among *known* that *key* resembles; None if there is none.

    Two keys with one prefix resemble each other, so then only the rest is compared.
    """
    if not key.startswith(PREFIX):
        return next(iter(get_close_matches(key, known, 1, ALIKE_KEYS)), None)
    names = [name.removeprefix(PREFIX) for name in known if name.startswith(PREFIX)]
    found = get_close_matches(key.removeprefix(PREFIX), names, 1, ALIKE_NAMES)
    return f"{PREFIX}{found[0]}" if found else None
