"""Compares an object sent to the API server with the stored object."""

from typing import Any, Final

EMPTY: Final[tuple[list[Any], dict[str, Any]]] = ([], {})


def within(stored: Any, sent: Any) -> Any:  # noqa: ANN401  any JSON
    """Return the part of *stored* with the fields of *sent*.

    The part equals *sent* if nothing was lost or altered. All other fields are defaults, or belong
    to other clients. The API server drops an empty list or map.
    """
    if isinstance(stored, dict) and isinstance(sent, dict):
        empty = {key: sent[key] for key in sent if key not in stored and sent[key] in EMPTY}
        return empty | {key: within(stored[key], sent[key]) for key in sent if key in stored}
    if isinstance(stored, list) and isinstance(sent, list) and len(stored) == len(sent):
        return [within(*pair) for pair in zip(stored, sent, strict=True)]
    return stored
