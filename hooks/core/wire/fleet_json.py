"""Converts the bodies of `/clusterbinding/sync` and `/clusterbinding/customize` from and to JSON.

A ClusterACRPullBinding has no Namespace. Metacontroller sends namespaced objects under the key
"namespace/name", and needs the Namespace of each child in the answer.
metacontroller@v4.17.2:pkg/controller/common/api/v2/common.go (qualifiedName)
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from hooks.core.account.last_applied import look_up
from hooks.core.apis import OURS
from hooks.core.fields import JSON, get, get_object, get_text, require
from hooks.core.fleet.cluster_binding import ClusterBinding, Fleet, Member, Template
from hooks.core.fleet.failure import Failure
from hooks.core.fleet.fleet_status import FleetStatus, new_fleet_status
from hooks.core.fleet.rollout import roll_out
from hooks.core.names import (
    API_VERSION,
    KIND,
    LAST_APPLIED_ANNOTATION,
    NAMESPACES,
    PLURAL,
)
from hooks.core.wire.objects import is_claimed, parse_conditions, parse_namespace
from hooks.core.wire.request import objects_in
from hooks.core.wire.response import new_condition

MAX_FAILURE_LENGTH: Final = 1024  # characters of a message in status.failing
# Takes a spec, and returns the problem with the spec or None.
ClusterSpecCheck = Callable[[object], str | None]


def parse_fleet(body: JSON, check_spec: ClusterSpecCheck) -> Fleet:
    """Return the observed objects in the body of `/clusterbinding/sync`.

    Metacontroller reads related objects after the children, so a child created in between is only
    among the related objects.
    """
    binding = parse_cluster_binding(body, check_spec)
    children, related = get_object(body, "children", ""), get_object(body, "related", "")
    found = [_parse_member(*item) for item in objects_in(children, OURS.group, "children")]
    members = {member.namespace: member for member in found if member.name == binding.name}
    copies = tuple(member for member in found if member.name != binding.name)
    taken = set()
    for obj, path in objects_in(related, OURS.group, "related"):
        meta = require(obj, "metadata", dict, path)
        namespace = require(meta, "namespace", str, f"{path}.metadata")
        if namespace in members or meta.get("name") != binding.name:
            continue
        if is_claimed(obj, path, binding.uid):
            members[namespace] = _parse_member(obj, path)
        else:
            taken.add(namespace)
    return Fleet(binding, members, _selected(related), frozenset(taken), copies)


def parse_cluster_binding(body: JSON, check_spec: ClusterSpecCheck) -> ClusterBinding:
    """Return the ClusterACRPullBinding in the body of a hook."""
    parent = require(body, "parent", dict, "")
    meta, at = require(parent, "metadata", dict, "parent"), "parent.metadata"
    problem = check_spec(parent.get("spec"))
    status = get_object(parent, "status", "parent")
    return ClusterBinding(
        name=require(meta, "name", str, at),
        uid=get_text(meta, "uid", at),
        generation=get(meta, "generation", int, at) or 0,
        deleting=bool(get_text(meta, "deletionTimestamp", at)),
        template=problem if problem is not None else _parse_template(parent["spec"]["template"]),
        conditions={c.type: c for c in parse_conditions(status, "parent.status")},
    )


def _parse_template(template: JSON) -> Template:
    """Return the valid *template*."""
    meta = template.get("metadata") or {}
    return Template(meta.get("labels") or {}, meta.get("annotations") or {}, template["spec"])


def _parse_member(obj: JSON, path: str) -> Member:
    meta, at = require(obj, "metadata", dict, path), f"{path}.metadata"
    generation = get(meta, "generation", int, at)
    spec = get_object(obj, "spec", path)
    conditions = {
        condition.type: condition
        for condition in parse_conditions(get_object(obj, "status", path), f"{path}.status")
        if condition.observed_generation == generation
    }
    return Member(
        name=require(meta, "name", str, at),
        namespace=require(meta, "namespace", str, at),
        spec=spec,
        written=_last_applied(meta, at) or _as_observed(meta, at, spec),
        deleting=bool(get_text(meta, "deletionTimestamp", at)),
        ready=conditions.get("Ready"),
        stalled="Stalled" in conditions,
    )


def _last_applied(meta: JSON, path: str) -> Template | None:
    """Return what Metacontroller wrote last with dynamic-apply; None if *meta* does not show it.

    The answer for an unchanged child must not contain the labels and annotations of users. With
    dynamic-apply, Metacontroller would remove them as soon as an answer omits them.
    """

    def find(applied: JSON) -> Template | None:
        labels, annotations = (
            dict.get(applied["metadata"], part, {}) for part in ("labels", "annotations")
        )
        found = (labels, annotations, applied["spec"])
        return Template(*found) if all(isinstance(part, dict) for part in found) else None

    return look_up(get_object(meta, "annotations", path).get(LAST_APPLIED_ANNOTATION), find, None)


def _as_observed(meta: JSON, path: str, spec: JSON) -> Template:
    """Return the observed labels, annotations and *spec*.

    With server-side-apply, the labels and annotations of a user stay the user's.
    """
    annotations = dict(get_object(meta, "annotations", path))
    annotations.pop(LAST_APPLIED_ANNOTATION, None)
    return Template(get_object(meta, "labels", path), annotations, spec)


def _selected(related: JSON) -> tuple[str, ...] | None:
    """Return the Namespaces that are not being deleted; None if Metacontroller did not look."""
    if related.get(NAMESPACES) is None:
        return None
    found = (parse_namespace(*item) for item in objects_in(related, NAMESPACES, "related"))
    return tuple(namespace.name for namespace in found if not namespace.terminating)


def new_fleet_answer(fleet: Fleet, now: datetime) -> JSON:
    """Return the response body of `/clusterbinding/sync`."""
    return {
        "status": _new_status(fleet.binding, new_fleet_status(fleet, now)),
        "children": [
            *(
                _new_child(fleet.binding.name, namespace, template)
                for namespace, template in sorted(roll_out(fleet).items())
            ),
            *(_new_child(copy.name, copy.namespace, copy.written) for copy in fleet.copies),
        ],
    }


def _new_child(name: str, namespace: str, template: Template) -> JSON:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": dict(template.labels),
            "annotations": dict(template.annotations),
        },
        "spec": template.spec,
    }


def _new_status(binding: ClusterBinding, status: FleetStatus) -> JSON:
    """Return the complete `.status`, because Metacontroller replaces the old status."""
    return {
        "observedGeneration": binding.generation,
        "conditions": [new_condition(condition) for condition in status.conditions],
        "selected": status.selected,
        "created": status.created,
        "ready": status.ready,
        "failing": [_new_failure(failure) for failure in status.failing],
    }


def _new_failure(failure: Failure) -> JSON:
    return {
        "namespace": failure.namespace,
        "reason": failure.reason,
        "message": failure.message[:MAX_FAILURE_LENGTH],
    }


def new_fleet_rules(body: JSON, check_spec: ClusterSpecCheck) -> JSON:
    """Return the response to `/clusterbinding/customize`: the Namespaces, and bindings of the name.

    The bindings show in which Namespaces the name is taken. A rule by names without a Namespace
    selects the objects of all Namespaces, because a ClusterACRPullBinding has no Namespace.
    Metacontroller rejects an invalid selector, and would call no other hook. So an invalid spec
    leads to no rule for Namespaces.
    metacontroller@v4.17.2:pkg/controller/common/customize/manager.go (GetRelatedObjects)
    """
    binding = parse_cluster_binding(body, check_spec)
    rules: list[JSON] = [
        {"apiVersion": API_VERSION, "resource": PLURAL, "names": [binding.name]},
    ]
    if isinstance(binding.template, Template):
        selector = body["parent"]["spec"]["namespaceSelector"]
        rules.append({"apiVersion": "v1", "resource": "namespaces", "labelSelector": selector})
    return {"relatedResources": rules}
