"""The user's labels and annotations for the Secret of a binding."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# Keys that acrpull, Metacontroller, msi-acrpull or Kubernetes set. Metacontroller does not sync a
# binding whose answer has another `controller-uid`. The CRD has the same expression.
# metacontroller@v4.17.2:pkg/controller/composite/controller.go:712
# msi-acrpull@8ad7a99:internal/controller/acrpullbinding_controller.go (newPullSecret)
RESERVED_KEY: Final = re.compile(
    r"controller-uid"
    r"|([^/]*\.)?(acrpull\.dev|kubernetes\.io|metacontroller\.k8s\.io|acr\.microsoft\.com)/.*"
)


@dataclass(frozen=True, slots=True)
class SecretTemplate:
    """Labels and annotations without a reserved key."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def as_in(self, observed: "SecretTemplate") -> "SecretTemplate":
        """Return this template with the values in *observed*, and without keys missing there."""
        return SecretTemplate(
            {key: value for key, value in observed.labels.items() if key in self.labels},
            {key: value for key, value in observed.annotations.items() if key in self.annotations},
        )


def parse_template(meta: object) -> SecretTemplate:
    """Return the labels and annotations in *meta*: any JSON, without invalid entries."""
    if not isinstance(meta, dict):
        return SecretTemplate()
    return SecretTemplate(_texts(meta.get("labels")), _texts(meta.get("annotations")))


def _texts(entries: object) -> dict[str, str]:
    if not isinstance(entries, dict):
        return {}
    return {
        key: value
        for key, value in entries.items()
        if isinstance(value, str) and not RESERVED_KEY.fullmatch(key)
    }
