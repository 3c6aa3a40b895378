"""Brings the children of a parent from the observed to the desired state.

Source, also of the lines: metacontroller@v4.17.2:pkg/controller/common/manage_children.go
"""

from tests.model.apply import Applier
from tests.model.cluster import Cluster
from tests.model.errors import ApiError, NotFoundError, SyncError
from tests.model.objects import Groups, Object, is_deleting, key_of, qualified_name, uid_of
from tests.model.resources import find_kind


def group_children(children: list[Object]) -> Groups:
    """Return *children* by kind and name; of two with the same name, the last counts.

    Source: metacontroller@v4.17.2:pkg/controller/common/api/v2/common.go:30,47
    """
    groups: Groups = {}
    for child in children:
        group = f"{child['kind']}.{child['apiVersion']}"
        groups.setdefault(group, {})[qualified_name(child)] = child
    return groups


class Children:
    """Applies and deletes children; a failure does not stop the other writes (line 146)."""

    def __init__(self, cluster: Cluster, applier: Applier) -> None:
        self._cluster = cluster
        self._applier = applier

    def manage(self, parent: Object, observed: Groups, desired: Groups) -> None:
        """Delete undesired children, then create or update the desired children.

        Raises `SyncError`: at least one write failed; the others were done.
        """
        errors: list[str] = []
        for group, children in sorted(observed.items()):
            for name, child in children.items():
                if name not in desired.get(group, {}):
                    self._delete(child, errors)
        for group, children in sorted(desired.items()):
            for name, child in children.items():
                self._apply(parent, observed.get(group, {}).get(name), child, errors)
        if errors:
            raise SyncError(f"can't reconcile children: {'; '.join(errors)}")

    def _delete(self, child: Object, errors: list[str]) -> None:
        """Delete *child* in the background, if its uid is unchanged (line 205)."""
        if is_deleting(child):
            return
        try:
            self._cluster.delete(*key_of(child), propagation="Background", uid=uid_of(child))
        except NotFoundError:  # ignored (line 229)
            return
        except ApiError as error:
            errors.append(f"can't delete {key_of(child)}: {error}")
            return
        self._applier.forget(child)

    def _apply(
        self, parent: Object, observed: Object | None, desired: Object, errors: list[str]
    ) -> None:
        if find_kind(desired["apiVersion"], desired["kind"]) is None:  # line 185
            errors.append(f"discovery: can't find kind {desired['kind']}")
            return
        try:
            self._applier.apply(parent, observed, desired)
        except ApiError as error:
            errors.append(f"{key_of(desired)}: {error}")
