"""Diagnoses the manifest of a ClusterACRPullBinding, by the binding that it creates. No I/O."""

from dataclasses import replace
from typing import Final

from hooks.core.fields import JSON
from hooks.core.names import API_VERSION, CLUSTER_KIND, KIND
from hooks.core.policy.decision_settings import Policy
from hooks.doctor.diagnosis import Diagnosis, diagnose_valid
from hooks.doctor.hints import several_accounts, with_swapped_fields
from hooks.schemas import TEMPLATE_SPEC, check_manifest, prune

ANY_NAMESPACE: Final = "selected-namespace"  # a valid name
UNREAD: Final = (
    f'"{ANY_NAMESPACE}" stands for each selected Namespace. Their allow-lists were not checked.'
)


def is_cluster_binding(manifest: JSON) -> bool:
    """True if *manifest* is a ClusterACRPullBinding."""
    return manifest.get("kind") == CLUSTER_KIND


def diagnose_cluster(manifest: JSON, policy: Policy) -> Diagnosis:
    """Return the diagnosis of *manifest*, a ClusterACRPullBinding, under the service's *policy*."""
    manifest = prune(manifest)
    meta = manifest.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    name = name if isinstance(name, str) else None
    found = check_manifest(manifest)
    spec = manifest.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    binding = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": ANY_NAMESPACE},
        "spec": template.get("spec") if isinstance(template, dict) else None,
    }
    if found.problems:
        problems = with_swapped_fields(binding, found.problems, TEMPLATE_SPEC)
        notes = tuple(several_accounts(binding, TEMPLATE_SPEC))
        return Diagnosis(CLUSTER_KIND, name, None, found.stored, problems, notes)
    created = diagnose_valid(binding, policy)
    return replace(created, kind=CLUSTER_KIND, namespace=None)
