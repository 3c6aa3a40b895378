"""The ServiceAccounts of a binding in a story: a name, or a tuple for `serviceAccountNames`."""

from hooks.core.model.targets import EVERY
from tests.model.objects import Object

Target = str | tuple[str, ...]

ALL: tuple[str, ...] = (EVERY,)
LISTS: tuple[tuple[str, ...], ...] = (
    ALL,
    (),
    ("build",),
    ("build", "default"),
    ("absent", "build"),
)


def fields_of(target: Target) -> Object:
    """Return the field of a spec with *target*."""
    if isinstance(target, str):
        return {"serviceAccountName": target}
    return {"serviceAccountNames": list(target)}


def target_in(fields: Object) -> Target | None:
    """Return the target in a spec or a status."""
    names = fields.get("serviceAccountNames")
    name: str | None = fields.get("serviceAccountName")
    return name if names is None else tuple(names)


def covers(target: Target, account: str) -> bool:
    """True if the ServiceAccount named *account* is in *target*."""
    return target == account if isinstance(target, str) else account in target or target == ALL
