"""The answer of a decorator, which may set labels and annotations only."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Decoration:
    """Labels and annotations to set, or with None to remove; the others stay as they are."""

    labels: dict[str, str | None] = field(default_factory=dict)
    annotations: dict[str, str | None] = field(default_factory=dict)
