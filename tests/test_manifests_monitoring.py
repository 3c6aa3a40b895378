"""metacontroller/monitoring/ against the install that it is put on; rendered in tests/e2e."""

from typing import Any, Final

import pytest

from hooks import metrics
from hooks.core import names
from tests.test_manifests import DEPLOYMENT, ENV, FOLDER, OBJECTS, PORTS, load, patched
from tests.test_manifests_dedicated import OWN
from tests.variables import VARIABLES

MONITORING: Final = FOLDER / "monitoring"
(KUSTOMIZATION,) = load(MONITORING / "kustomization.yaml")
(OPERATOR,) = load(MONITORING / "operator/kustomization.yaml")
(PATCH,) = load(MONITORING / "deployment.yaml")
TEMPLATE: Final = PATCH["spec"]["template"]
(CONTAINER,) = TEMPLATE["spec"]["containers"]
(PORT,) = CONTAINER["ports"]
(POLICY,) = load(MONITORING / "networkpolicy.yaml")
(MONITOR,) = load(MONITORING / "operator/podmonitor.yaml")
(RULE,) = load(MONITORING / "operator/prometheusrule.yaml")
PODS: Final = {"matchLabels": DEPLOYMENT["template"]["metadata"]["labels"]}
(STACK,) = load(MONITORING / "kube-prometheus-stack.yaml")
# Files that are not applied.
FILES: Final = {
    *("rules.yaml", "dashboard.json", "kube-state-metrics.yaml", "kube-prometheus-stack.yaml"),
}


def test_no_file_is_forgotten() -> None:
    """Each is a resource, a patch, or for somebody else than the cluster."""
    files = {path.name for path in MONITORING.iterdir() if path.is_file()}
    assert {
        *KUSTOMIZATION["resources"],
        *patched(KUSTOMIZATION),
        *FILES,
        "kustomization.yaml",
    } == files
    told = (MONITORING / "kustomization.yaml").read_text("utf-8")
    assert all(f"# - {name}: " in told for name in FILES)
    apart = {path.name for path in (MONITORING / "operator").iterdir()}
    assert {*OPERATOR["resources"], "kustomization.yaml"} == apart


def test_deployment() -> None:
    """The patch is of the hooks' container; who scrapes by annotations finds where they listen."""
    assert ("Deployment", PATCH["metadata"]["name"]) in OBJECTS
    assert CONTAINER["name"] == DEPLOYMENT["template"]["spec"]["containers"][0]["name"]
    ((variable, bind),) = ((entry["name"], entry["value"]) for entry in CONTAINER["env"])
    assert variable in VARIABLES
    assert bind == f"0.0.0.0:{PORT['containerPort']}"
    assert TEMPLATE["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(PORT["containerPort"]),
        "prometheus.io/path": metrics.PATH,
    }


def test_listeners_do_not_collide() -> None:
    """Neither the install nor `dedicated` has a port of that name or number."""
    others = {**PORTS, **{port["name"]: port["containerPort"] for port in OWN["ports"]}}
    assert PORT["name"] not in others
    assert PORT["containerPort"] not in others.values()
    assert (
        len(PORT["name"]) <= 15
    )  # https://kubernetes.io/docs/concepts/services-networking/service/


def test_closed_without_it() -> None:
    """The install by itself has no metrics, and lets nobody in to them."""
    assert "METRICS_BIND" not in ENV
    rules = OBJECTS["NetworkPolicy", "acrpull"]["spec"]["ingress"]
    assert PORT["name"] not in {port["port"] for rule in rules for port in rule["ports"]}


def test_network_policy() -> None:
    """One Namespace is let in, to metrics alone: the hooks', and Metacontroller's own."""
    assert POLICY["spec"]["podSelector"] == PODS
    assert POLICY["spec"]["policyTypes"] == ["Ingress"]
    (rule,) = POLICY["spec"]["ingress"]
    (caller,) = rule["from"]
    selected = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    assert caller == {"namespaceSelector": selected}
    assert [port["port"] for port in rule["ports"]] == [PORT["name"], "metrics"]
    assert "metrics" in {port["name"] for port in OWN["ports"]}


def test_pod_monitor() -> None:
    """The Prometheus operator scrapes what the policy lets it, on the same path."""
    assert MONITOR["spec"]["selector"] == PODS
    ports = [port["port"] for port in POLICY["spec"]["ingress"][0]["ports"]]
    assert MONITOR["spec"]["podMetricsEndpoints"] == [{"port": port} for port in ports]


@pytest.mark.parametrize("manifest", [MONITOR, RULE], ids=["pod-monitor", "rule"])
def test_operator(manifest: dict[str, Any]) -> None:
    """Both are where the Pods are."""
    namespace = OBJECTS["Deployment", "acrpull"]["metadata"]["namespace"]
    assert manifest["metadata"]["namespace"] == namespace


def test_kube_state_metrics_may_read_bindings() -> None:
    """It gets the right to watch bindings and CRDs, where the scraper is, and no more."""
    role, binding = load(MONITORING / "rbac.yaml")
    rights = {resource: rule["verbs"] for rule in role["rules"] for resource in rule["resources"]}
    watch = ["list", "watch"]
    assert rights == {
        names.PLURAL: watch,
        names.CLUSTER_PLURAL: watch,
        "customresourcedefinitions": watch,
    }
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert role["rules"][0]["apiGroups"] == [names.GROUP]
    (subject,) = binding["subjects"]
    caller = POLICY["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"]
    assert subject["namespace"] == caller["kubernetes.io/metadata.name"]


def test_values_of_the_stack() -> None:
    """The chart's kube-state-metrics gets the configuration and the right to read bindings."""
    values = STACK["kube-state-metrics"]
    (state,) = load(MONITORING / "kube-state-metrics.yaml")
    assert values["customResourceState"] == {"enabled": True, "config": state}
    role, _ = load(MONITORING / "rbac.yaml")
    # The chart adds the right to read CRDs:
    # helm-charts@cf408a290aec:charts/kube-state-metrics/templates/role.yaml
    assert values["rbac"]["extraRules"] == role["rules"][:2]
