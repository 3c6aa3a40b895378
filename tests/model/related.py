"""Related objects: the selection of a customize hook, and the parents of their changes.

Source, also of the lines: metacontroller@v4.17.2:pkg/controller/common/customize/manager.go
Only hook version v2 is modelled: rules may select from any namespace.
"""

import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.model.answers import customize_answer
from tests.model.clock import Clock
from tests.model.errors import SyncError
from tests.model.hook import Hooks
from tests.model.informers import Informers
from tests.model.objects import Groups, Object, kind_of, labels_of, qualified_name, uid_of
from tests.model.resources import NAMESPACE, find_plural
from tests.model.store import Event

_CACHED_FOR = timedelta(minutes=20)
"""How long the rules of a parent are kept (line 101)."""


@dataclass(frozen=True)
class _Cached:
    rules: list[Object]
    until: datetime


class Related:
    """The related objects of a controller.

    Args:
        path: The path of the customize hook.
        definition: The controller, as in its requests.
        hooks: The hook service.
        informers: The caches of the objects.
        clock: The clock for the age of answers.
    """

    def __init__(
        self, path: str, definition: Object, hooks: Hooks, informers: Informers, clock: Clock
    ) -> None:
        self._path = path
        self._definition = definition
        self._hooks = hooks
        self._informers = informers
        self._clock = clock
        self._cache: dict[tuple[str, int], _Cached] = {}
        self._watched: set[str] = set()

    def objects(self, parent: Object) -> Groups:
        """Return the related objects of *parent*, a group per rule, {} if empty (line 562).

        The watch of a kind begins with the first rule for the kind (line 264).
        """
        groups: Groups = {}
        for rule in self._rules(parent):
            resource = find_plural(rule.get("apiVersion", ""), rule.get("resource", ""))
            if rule.get("namespaceSelector") is not None and not resource.namespaced:
                raise SyncError("namespaceSelector is only supported for namespaced resources")
            self._watched.add(resource.name)
            group = groups.setdefault(resource.group, {})
            for obj in self._informers.known(resource.name):
                if self._matches(rule, obj):
                    group[qualified_name(obj)] = copy.deepcopy(obj)
        return groups

    def concerned(self, event: Event, parents: list[Object]) -> list[Object]:
        """Return the *parents* related to the changed object, old or new (lines 299 to 340).

        Calls the hook for every parent without cached rules (line 364).
        """
        states = [obj for obj in (event.old, event.new) if obj is not None]
        if kind_of(event.latest) not in self._watched:
            return []
        return [parent for parent in parents if self._relates(parent, states)]

    def _relates(self, parent: Object, states: list[Object]) -> bool:
        try:
            rules = self._rules(parent)
            return any(self._matches(rule, obj) for rule in rules for obj in states)
        except SyncError:  # left for a later event or sync (line 365)
            return False

    def _rules(self, parent: Object) -> list[Object]:
        """Return the rules for *parent*, cached by uid and generation (line 186)."""
        key = (uid_of(parent), parent["metadata"].get("generation", 0))
        cached = self._cache.get(key)
        if cached is None or cached.until <= self._clock.now():
            request = {"controller": self._definition, "parent": parent}
            rules = customize_answer(self._hooks.call(self._path, request))
            cached = self._cache[key] = _Cached(rules, self._clock.now() + _CACHED_FOR)
        return cached.rules

    def _matches(self, rule: Object, obj: Object) -> bool:
        """True if *rule* selects *obj* (line 444)."""
        resource = find_plural(rule.get("apiVersion", ""), rule.get("resource", ""))
        namespace = obj["metadata"].get("namespace", "")
        if kind_of(obj) != resource.name:
            return False
        if rule.get("namespace") and resource.namespaced and namespace != rule["namespace"]:
            return False
        if rule.get("names") and obj["metadata"]["name"] not in rule["names"]:
            return False
        if not _selects(rule.get("labelSelector"), labels_of(obj)):
            return False
        if rule.get("namespaceSelector") is None:
            return True
        found = self._informers.get(NAMESPACE.kind, "", namespace)
        return found is not None and _selects(rule["namespaceSelector"], labels_of(found))


def _selects(selector: Object | None, labels: dict[str, str]) -> bool:
    """True if *selector* selects *labels*; None and an empty selector select everything.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
    """
    selector = selector or {}
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(name) != value for name, value in wanted.items()):
        return False
    return all(_holds(e, labels.get(e["key"])) for e in selector.get("matchExpressions") or [])


def _holds(expression: Object, value: str | None) -> bool:
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise SyncError(f"{expression['operator']!r} is not a valid label selector operator")
