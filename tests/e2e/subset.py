"""Comparing what was sent to the API server with what it has made of it."""

from typing import Any, Final

EMPTY: Final[tuple[list[Any], dict[str, Any]]] = ([], {})


def within(stored: Any, sent: Any) -> Any:  # noqa: ANN401  any JSON
    """Return of *stored* what *sent* has too: equal to *sent* where nothing was lost or altered.

    The rest are defaults, and others' fields. An empty list or map is stored as none.
    """
    if isinstance(stored, dict) and isinstance(sent, dict):
        empty = {key: sent[key] for key in sent if key not in stored and sent[key] in EMPTY}
        return empty | {key: within(stored[key], sent[key]) for key in sent if key in stored}
    if isinstance(stored, list) and isinstance(sent, list) and len(stored) == len(sent):
        return [within(*pair) for pair in zip(stored, sent, strict=True)]
    return stored
