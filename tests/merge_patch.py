"""JSON merge patches: https://www.rfc-editor.org/rfc/rfc7386."""

from typing import Any

JSON = dict[str, Any]


def diff(before: JSON, after: JSON) -> JSON:
    """Return the patch from *before* to *after*, two objects without nulls."""
    patch: JSON = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            inner = diff(old, value)
            patch.update({key: inner} if inner else {})
        elif old != value:
            patch[key] = value
    return patch


def patched(before: JSON, patch: JSON) -> JSON:
    """Return *before* with *patch* applied; new keys come last."""
    after = {key: value for key, value in before.items() if patch.get(key, value) is not None}
    for key, value in patch.items():
        if isinstance(value, dict):
            old = before.get(key)
            after[key] = patched(old if isinstance(old, dict) else {}, value)
        elif value is not None:
            after[key] = value
    return after
