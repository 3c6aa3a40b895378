"""Finds annotations without effect: misspelled keys, and keys on the wrong kind of object."""

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
