"""Metacontroller's finalizer on a composite parent.

Source: metacontroller@v4.17.2:pkg/controller/common/finalizer/finalizer.go; lines are its.
"""

from tests.model.definitions import NAME
from tests.model.objects import FOREGROUND, ORPHAN, Object, finalizers_of

FINALIZER = f"metacontroller.io/compositecontroller-{NAME}"
"""pkg/controller/composite/controller.go:215"""


def add(parent: Object) -> None:
    """Add the finalizer, in place; one that is there stays."""
    if FINALIZER not in finalizers_of(parent):
        parent["metadata"]["finalizers"] = [*finalizers_of(parent), FINALIZER]


def remove(parent: Object) -> None:
    """Remove the finalizer, in place."""
    kept = [name for name in finalizers_of(parent) if name != FINALIZER]
    parent["metadata"]["finalizers"] = kept


def should_finalize(parent: Object) -> bool:
    """Tell whether the children of a deleting parent are managed (line 66)."""
    finalizers = finalizers_of(parent)
    return FINALIZER in finalizers and not {FOREGROUND, ORPHAN} & set(finalizers)
