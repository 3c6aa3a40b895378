"""The stored objects, and the watchers of changes. Paths are of kubernetes v1.36."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from tests.model.fields import FieldOwners
from tests.model.objects import Key, Object, key_of


@dataclass(frozen=True)
class Event:
    """A change, for watchers: `old` is None for an addition, `new` for a deletion.

    A watcher must not change the objects.
    """

    old: Object | None
    new: Object | None

    @property
    def latest(self) -> Object:
        """The object after the change; after a deletion, its last state."""
        obj = self.new or self.old
        assert obj is not None
        return obj


class Store:
    """The objects by key. A stored object never changes; each write stores another object.

    Attributes:
        fields: The managers of the objects' fields.
        watchers: Called with every change, at once.
    """

    def __init__(self) -> None:
        self.fields = FieldOwners()
        self.watchers: list[Callable[[Event], None]] = []
        self._objects: dict[Key, Object] = {}
        self._version = 0

    def get(self, key: Key) -> Object | None:
        """Return the stored object itself, or None."""
        return self._objects.get(key)

    def select(self, kind: str | None, namespace: str | None) -> list[Object]:
        """Return the stored objects themselves, by namespace and name; None means all.

        Another thread may add objects meanwhile.
        """
        keys = [
            k for k in list(self._objects) if kind in (None, k[0]) and namespace in (None, k[1])
        ]
        return [self._objects[key] for key in sorted(keys)]

    def put(self, old: Object | None, new: Object) -> Object:
        """Store *new* in place of *old* under the next resourceVersion; return a copy."""
        self._version += 1
        new["metadata"]["resourceVersion"] = str(self._version)
        self._objects[key_of(new)] = new
        self._tell(Event(old, new))
        return copy.deepcopy(new)

    def remove(self, old: Object) -> None:
        """Remove *old* from the store."""
        self._version += 1
        del self._objects[key_of(old)]
        self.fields.forget(old)
        self._tell(Event(old, None))

    def _tell(self, event: Event) -> None:
        for watcher in self.watchers:
            watcher(event)
