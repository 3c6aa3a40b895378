"""The API server's verbs. Knows no Metacontroller. Paths are of kubernetes v1.36."""

import copy
import uuid
from collections.abc import Callable

from tests.model import admission, deletion
from tests.model import preconditions as must
from tests.model.clock import Clock
from tests.model.errors import AlreadyExistsError, InvalidError, NotFoundError
from tests.model.objects import Object, is_deleting, key_of
from tests.model.resources import NAMESPACE
from tests.model.store import Event, Store

Objects = list[Object]


class Cluster:
    """The objects of a cluster. Arguments and results are copies.

    Attributes:
        before_write: Called with the verb and the object before every write. The writer gets its
            exceptions: an `ApiError` is a rejection, any other exception a kill.
        admit: Called with the stored object, or None, and the object of a write. The result is
            stored instead, as by a MutatingAdmissionPolicy.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.before_write: Callable[[str, Object], None] = lambda _verb, _obj: None
        self.admit: Callable[[Object | None, Object], Object] = lambda _old, new: new
        self._store = Store()
        self._made = 0

    def watch(self, watcher: Callable[[Event], None]) -> None:
        """Call *watcher*, in place of an earlier watcher, for every change from now on."""
        self._store.watchers = [watcher]

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return an object, or None; *namespace* is "" for a cluster-scoped object."""
        return copy.deepcopy(self._store.get((kind, namespace, name)))

    def look(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return the stored object itself, or None. The caller must not change the object."""
        return self._store.get((kind, namespace, name))

    def read(self, kind: str, namespace: str, name: str) -> Object:
        """Return an object. Raises `NotFoundError`."""
        found = self.get(kind, namespace, name)
        if found is None:
            raise NotFoundError(f"{kind} {namespace}/{name} not found")
        return found

    def list(self, kind: str | None = None, namespace: str | None = None) -> Objects:
        """Return the objects of *kind* in *namespace* by namespace and name; None means all."""
        return copy.deepcopy(self.peek(kind, namespace))

    def peek(self, kind: str | None = None, namespace: str | None = None) -> Objects:
        """Return the stored objects themselves, as `list`. The caller must not change them."""
        return self._store.select(kind, namespace)

    def create(self, obj: Object) -> Object:
        """Store a new object.

        Raises `AlreadyExistsError`, `InvalidError`, or for its namespace `NotFoundError` or
        `ForbiddenError`.
        """
        self.before_write("create", obj)
        new = self._new(obj)
        self._store.fields.record_update(None, new)
        return self._store.put(None, new)

    def update(self, obj: Object) -> Object:
        """Replace the object, except the status of a custom resource.

        Raises `NotFoundError`, `ConflictError` or `InvalidError`.
        """
        self.before_write("update", obj)
        old = self.read(*key_of(obj))
        must.check_version(old, obj)
        new = self._admit(old, obj)
        must.carry_over(old, new)
        return self._replace(old, new)

    def update_status(self, obj: Object) -> Object:
        """Replace the status and nothing else.

        Raises `NotFoundError` or `ConflictError`.
        Source: apiextensions-apiserver:pkg/registry/customresource/status_strategy.go:67
        """
        self.before_write("update_status", obj)
        old = self.read(*key_of(obj))
        must.check_version(old, obj)
        new = copy.deepcopy(old)
        new.pop("status", None)
        new.update({"status": copy.deepcopy(obj["status"])} if "status" in obj else {})
        return self._replace(old, new)

    def edit(
        self, kind: str, namespace: str, name: str, change: Callable[[Object], object]
    ) -> Object:
        """Read an object, call *change* to change the object in place, and update."""
        obj = self.read(kind, namespace, name)
        change(obj)
        return self.update(obj)

    def apply(self, obj: Object) -> Object:
        """Apply *obj* server-side with force, as one field manager; create it if missing.

        A new manager of a field is a change too, because managedFields shows the manager.
        Raises `InvalidError`, or for its namespace `NotFoundError` or `ForbiddenError`.
        Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
        """
        self.before_write("apply", obj)
        old = self.get(*key_of(obj))
        live = old or self._new(obj)
        merged, holders = self._store.fields.merge(live, admission.as_applied(obj))
        new = self._admit(old, merged)
        admission.validate(new)
        admission.validate_update(live, new)
        must.carry_over(live, new)
        if self._store.fields.record_apply(new, holders) or new != old:
            return self._store.put(old, new)
        return new

    def delete(
        self,
        kind: str,
        namespace: str,
        name: str,
        propagation: str = "Background",
        uid: str | None = None,
    ) -> None:
        """Begin the deletion of an object; delete an object without finalizers at once.

        Raises `NotFoundError`; `ConflictError`: the stored uid is not *uid*.
        Source: staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go:1139
        """
        old = self.read(kind, namespace, name)
        self.before_write("delete", old)
        must.check_uid(old, uid)
        new = deletion.begin(old, propagation, self.clock.stamp())
        if deletion.is_complete(new):
            self._store.remove(old)
        elif new != old:
            self._store.fields.record_update(old, new)
            self._store.put(old, new)

    def _new(self, obj: Object) -> Object:
        """Return *obj* as first stored, after all checks."""
        kind, namespace, name = key_of(obj)
        if not name:
            raise InvalidError("metadata.name: name or generateName is required")
        if self.get(kind, namespace, name):
            raise AlreadyExistsError(f"{key_of(obj)} already exists")
        must.check_namespace(obj, self.get(NAMESPACE.kind, "", namespace))
        new = self._admit(None, obj)
        self._made += 1
        uid = str(uuid.uuid5(uuid.NAMESPACE_OID, str(self._made)))
        admission.initialise(new, uid, self.clock.stamp())
        admission.validate(new)
        return new

    def _admit(self, old: Object | None, obj: Object) -> Object:
        """Return *obj*, changed by `admit`, in the form of the server's types."""
        return admission.normalise(self.admit(old, admission.normalise(obj)))

    def _replace(self, old: Object, new: Object) -> Object:
        """Store *new*; an unchanged object keeps its resourceVersion and causes no event.

        Source: staging/src/k8s.io/apiserver/pkg/storage/etcd3/store.go (GuaranteedUpdate: "if
        the data hasn't changed") and registry/generic/registry/store.go:781 (emptied finalizers)
        """
        admission.validate(new)
        admission.validate_update(old, new)
        if is_deleting(new) and deletion.is_complete(new):
            self._store.remove(old)
            return new
        if new == old:
            return new
        self._store.fields.record_update(old, new)
        return self._store.put(old, new)
