"""Metacontroller's finalizer on a composite parent.

Source, also of the lines: metacontroller@v4.17.2:pkg/controller/common/finalizer/finalizer.go
"""

from tests.model.definitions import NAME
from tests.model.objects import FOREGROUND, ORPHAN, Object, finalizers_of


def finalizer_of(controller: str) -> str:
    """Return the finalizer of a *controller* (pkg/controller/composite/controller.go:215)."""
    return f"metacontroller.io/compositecontroller-{controller}"


FINALIZER = finalizer_of(NAME)
"""The finalizer of ACRPullBindings."""


def add(finalizer: str, parent: Object) -> None:
    """Add the *finalizer*, in place, unless present."""
    if finalizer not in finalizers_of(parent):
        parent["metadata"]["finalizers"] = [*finalizers_of(parent), finalizer]


def remove(finalizer: str, parent: Object) -> None:
    """Remove the *finalizer*, in place."""
    kept = [name for name in finalizers_of(parent) if name != finalizer]
    parent["metadata"]["finalizers"] = kept


def should_finalize(finalizer: str, parent: Object) -> bool:
    """True if the children of a deleting parent are managed (line 66)."""
    finalizers = finalizers_of(parent)
    return finalizer in finalizers and not {FOREGROUND, ORPHAN} & set(finalizers)
