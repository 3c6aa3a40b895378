"""The response of a decorator."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Decoration:
    """Labels and annotations to set, or to remove if the value is None; all others stay.

    With *resync_after_seconds* 0, Metacontroller calls again only after a change.
    """

    labels: dict[str, str | None] = field(default_factory=dict)
    annotations: dict[str, str | None] = field(default_factory=dict)
    resync_after_seconds: int = 0
