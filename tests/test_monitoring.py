"""metacontroller/monitoring/ against the metrics that exist, and against promtool."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import yaml

from hooks.core.apis import APIS
from hooks.core.apis.api import Api
from hooks.core.model.reason import Reason
from hooks.core.model.token import Hop
from hooks.core.names import CLUSTER_KIND
from tests.docs import commands
from tests.promtool import promtool
from tests.scrape import Scrape
from tests.service import Service
from tests.test_manifests import FOLDER, ROOT, load

pytestmark = pytest.mark.process

MONITORING: Final = FOLDER / "monitoring"
(RULES,) = load(MONITORING / "rules.yaml")
(STATE,) = load(MONITORING / "kube-state-metrics.yaml")
(UPSTREAM_STATE,) = load(MONITORING / "upstream/kube-state-metrics.yaml")
RESOURCE, CLUSTER = STATE["spec"]["resources"]
*RESOURCES, UPSTREAM_CLUSTER = UPSTREAM_STATE["spec"]["resources"]
CRDS: Final = ("acrpullbinding.yaml", "upstream/v1beta1.yaml", "upstream/v1beta2.yaml")
DASHBOARD: Final = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
TESTS: Final = sorted((ROOT / "tests/monitoring").glob("*_test.yaml"))
ALERTS: Final = [rule for group in RULES["groups"] for rule in group["rules"]]
PANELS: Final = DASHBOARD["panels"]
QUERIES: Final = {
    **{rule["alert"]: rule["expr"] for rule in ALERTS},
    **{
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in PANELS
        for target in panel["targets"]
    },
}
SELECTOR: Final = re.compile(r"\b((?:acrpull|metacontroller|workqueue)_\w+)(?:\{(.*?)\})?")
MATCHER: Final = re.compile(r'(\w+)(=|!=|=~|!~)"(.*?)"')
AGGREGATION: Final = re.compile(r"\b(?:sum|min|max|count|group)\b(?: by \((.*?)\))?")
# Metacontroller's metrics, with their labels:
# metacontroller@v4.17.2:pkg/metrics/http.go
# controller-runtime@v0.24.1:pkg/internal/metrics/workqueue.go
METACONTROLLER: Final = {
    "metacontroller_sync_requests_total": {
        *("code", "method", "url", "controller_name", "controller_type"),
    },
    "workqueue_depth": {"name", "controller", "priority"},
    "workqueue_retries_total": {"name", "controller"},
}
READY: Final = 'acrpull_binding_condition{type="Ready"}'


def schema_at(file: str, path: list[str]) -> dict[str, Any]:
    """Return the schema of the field at *path* in the CRD in *file*."""
    (crd,) = load(ROOT / "crds" / file)
    (version,) = crd["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    for key in path:
        schema = schema["properties"][key]
    return schema


def binding_labels(resource: dict[str, Any], metric: dict[str, Any]) -> set[str]:
    """Return the labels that kube-state-metrics gives to *metric* of *resource*."""
    everywhere = {*resource.get("commonLabels", {}), *resource["labelsFromPath"]}
    return {*everywhere, *metric["each"]["gauge"].get("labelsFromPath", {})}


@pytest.fixture(scope="module")
def exported(service: Service) -> dict[str, dict[str, set[str]]]:
    """Return each metric that exists, with its labels and the values that they have so far."""
    assert requests.get(f"{service.url}/nothing", timeout=5).status_code == 404
    found: dict[str, dict[str, set[str]]] = {}
    for name, labels in Scrape.of(service):
        for label, value in labels:
            found.setdefault(name, {}).setdefault(label, set()).add(value)
        found.setdefault(name, {})
    found["acrpull_mints_total"] = {"hop": set(Hop), "reason": set(Reason)}
    for resource in (RESOURCE, CLUSTER):
        for metric in resource["metrics"]:
            name = f"{resource['metricNamePrefix']}_{metric['name']}"
            found[name] = {label: set() for label in binding_labels(resource, metric)}
    found["acrpull_clusterbinding_condition"]["type"] = {"Ready"}
    found["acrpull_binding_condition"]["type"] = {
        "Ready",
        "TokenFresh",
        "Attached",
        "RenewalHealthy",
    }
    found |= {name: {label: set() for label in labels} for name, labels in METACONTROLLER.items()}
    return found


def matchers(query: str) -> Iterator[tuple[str, str, str, str]]:
    """Return metric, label, operator and value of each matcher in *query*."""
    for name, inside in SELECTOR.findall(query):
        for label, operator, value in MATCHER.findall(inside):
            yield name, label, operator, value


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_queried_series_exist(query: str, exported: dict[str, dict[str, set[str]]]) -> None:
    """Each metric, label and value in an alert or a panel exists."""
    queried = [name for name, _ in SELECTOR.findall(query)]
    assert queried
    assert set(queried) <= set(exported)
    for name, label, operator, value in matchers(query):
        if value.startswith("$"):
            continue
        if name in METACONTROLLER:
            assert label in METACONTROLLER[name]
            continue
        values = value.split("|") if "~" in operator else [value]
        assert set(values) <= exported[name][label]
    known = {label for name in queried for label in exported[name]} | {"cluster"}
    for labels in re.findall(r"\bby \((.*?)\)", query):
        assert set(labels.split(", ")) <= known


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_cluster_is_kept(query: str) -> None:
    """Each aggregation of series keeps the label `cluster`; only a count of groups has none."""
    lists = AGGREGATION.findall(re.sub(r"^count\((?=(?:count|min|max) by )", "", query))
    assert [labels for labels in lists if "cluster" not in labels.split(", ")] == []


def test_every_metric_is_used(exported: dict[str, dict[str, set[str]]]) -> None:
    """An alert or a panel queries each metric of acrpull but one."""
    used = {name for query in QUERIES.values() for name, _ in SELECTOR.findall(query)}
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in used}
    all_names = {name for name in exported if name.startswith("acrpull_")}
    unused = {re.sub("_(bucket|count|sum)$", "", name) for name in all_names} - families
    assert unused == {"acrpull_binding_token_issued_timestamp_seconds"}


def test_alerts() -> None:
    """Each alert has a severity and texts, and is tested where it fires and where it does not."""
    cases = [
        case
        for path in TESTS
        for test in load(path)[0]["tests"]
        for case in test["alert_rule_test"]
    ]
    alerts = [rule["alert"] for rule in ALERTS]
    assert len(alerts) == len(set(alerts))
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == set(alerts)
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == set(alerts)
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["labels"].keys() == {"severity"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_summary_names_the_place(rule: dict[str, Any]) -> None:
    """A summary names the cluster and, if the alert is about one, the binding."""
    summary = rule["annotations"]["summary"]
    assert "with or $labels.cluster $externalLabels.cluster" in summary
    of_binding = "by (cluster, group, namespace, binding)" in rule["expr"]
    assert ("{{ $labels.namespace }}/{{ $labels.binding }}" in summary) == of_binding


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_runbook(rule: dict[str, Any]) -> None:
    """A runbook link is a path in the repository, to the heading with the alert's name."""
    path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    text = (ROOT / path).read_text("utf-8")
    assert f"\n### {rule['alert']}\n" in text
    assert anchor == rule["alert"].lower()  # GitHub's anchor of this heading


def test_runbook_commands(tmp_path: Path) -> None:
    """The documented command turns the paths into URLs, in the rule file and the object."""
    shutil.copytree(FOLDER, tmp_path / FOLDER.name)
    for block in commands("runbooks"):
        subprocess.run(["/bin/bash", "-eu", "-c", block.text], cwd=tmp_path, check=True)  # noqa: S603
    monitoring = tmp_path / FOLDER.name / "monitoring"
    (rules,) = load(monitoring / "rules.yaml")
    urls = [r["annotations"]["runbook_url"] for g in rules["groups"] for r in g["rules"]]
    paths = [rule["annotations"]["runbook_url"].removeprefix("docs/") for rule in ALERTS]
    assert urls == [f"https://git.example.com/acrpull/blob/main/docs/{path}" for path in paths]
    assert load(monitoring / "operator/prometheusrule.yaml")[0]["spec"] == rules


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", str(MONITORING / "rules.yaml")),
        *(("test", "rules", str(path)) for path in TESTS),
    ],
    ids=["check", *(path.stem for path in TESTS)],
)
def test_rules(arguments: tuple[str, ...]) -> None:
    """Prometheus accepts the rules, and each fires when it should and only then."""
    ended = promtool(*arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr


# Per alert, a change of its expression that promtool must notice.
MUTATIONS: Final = [
    ("AcrpullTokenExpiring", "< 600", "< 60"),
    ("AcrpullTokenExpiring", "cluster, ", ""),
    ("AcrpullRenewalFailing", " and max", " or max"),
    ("AcrpullBindingNotReady", 'min_over_time(acrpull_binding_condition{type="Ready"}[5m])', READY),
    ("AcrpullBindingNotReady", "min by", "max by"),
    ("AcrpullBindingUnanswered", "cluster, ", ""),
    ("AcrpullClusterBindingNotReady", "cluster, ", ""),
    (
        "AcrpullAbsent",
        "group by (cluster) (acrpull_binding_created",
        "group by (cluster) (acrpull_no",
    ),
    ("AcrpullMetacontrollerSilent", '=~"/sync|/finalize"', '!="other"'),
    ("AcrpullMetacontrollerSilent", "or sum", "and sum"),
    ("AcrpullMetacontrollerSilent", ',outcome="ok"', ""),
    ("AcrpullMetacontrollerSilent", 'hook!="other",', ""),
    ("AcrpullBindingMetricsAbsent", "[40m]", "[60m]"),
    ("AcrpullServedTokenExpiring", '"600.0"', '"300.0"'),
    ("AcrpullTokenRequestsFailing", "[10m]", "[30m]"),
    ("AcrpullTokenRequestsFailing", "by (cluster)", ""),
    ("AcrpullHookErrors", 'hook!="other",', ""),
    ("AcrpullHooksBusy", "by (cluster)", ""),
    ("AcrpullThrottled", "cluster, ", ""),
]


@pytest.mark.parametrize(("alert", "old", "new"), MUTATIONS)
def test_rules_can_fail(alert: str, old: str, new: str, tmp_path: Path) -> None:
    """The promtool tests of an alert pass, and fail if the alert's expression is wrong."""
    (rule,) = (deepcopy(rule) for rule in ALERTS if rule["alert"] == alert)
    assert old in rule["expr"]
    for path in TESTS:
        (tmp_path / path.name).write_text(yaml.safe_dump(reduced(alert, path)))
    assert statuses(tmp_path, rule) == {0}
    rule["expr"] = rule["expr"].replace(old, new)
    assert 1 in statuses(tmp_path, rule)


def reduced(alert: str, path: Path) -> dict[str, Any]:
    """Return the tests in *path*, reduced to those of *alert*."""
    # The base loader reads only texts: a series of "0x60" is not a hexadecimal number.
    file: dict[str, Any] = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)  # noqa: S506  texts
    for test in file["tests"]:
        cases = [case for case in test["alert_rule_test"] if case["alertname"] == alert]
        test["alert_rule_test"] = cases
    tests = [test for test in file["tests"] if test["alert_rule_test"]]
    return {**file, "rule_files": ["rules.yaml"], "tests": tests}


def statuses(folder: Path, rule: dict[str, Any]) -> set[int]:
    """Return the exit codes of promtool for the tests in *folder*, with *rule* alone."""
    rules = {"groups": [{"name": "only", "rules": [rule]}]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    assert promtool("check", "rules", str(folder / "rules.yaml")).returncode == 0
    files = [str(folder / path.name) for path in TESTS]
    return {promtool("test", "rules", file).returncode for file in files}


@pytest.mark.parametrize(
    ("resource", "api", "file"), list(zip(RESOURCES, APIS.values(), CRDS, strict=True)), ids=APIS
)
def test_state_is_of_bindings(resource: dict[str, Any], api: Api, file: str) -> None:
    """kube-state-metrics reads fields of the CRD: instants, and the status of conditions."""
    group, version = api.api_version.split("/")
    kind = {"group": group, "version": version, "kind": api.kind}
    assert resource["groupVersionKind"] == kind
    gauges = {metric["name"]: metric["each"]["gauge"] for metric in resource["metrics"]}
    assert gauges.pop("created_timestamp_seconds") == {"path": ["metadata", "creationTimestamp"]}
    conditions = gauges.pop("condition")
    items = schema_at(file, conditions["path"])["items"]["properties"]
    assert items[conditions["valueFrom"][0]]["enum"] == ["True", "False", "Unknown"]
    assert all(items[path[0]] for path in conditions["labelsFromPath"].values())
    assert gauges
    for gauge in gauges.values():
        assert schema_at(file, gauge["path"])["format"] == "date-time"


def test_state_is_of_cluster_bindings() -> None:
    """kube-state-metrics reads fields of the CRD of ClusterACRPullBindings, in both files."""
    assert CLUSTER["groupVersionKind"]["kind"] == CLUSTER_KIND
    for metric in CLUSTER["metrics"]:
        assert schema_at("clusteracrpullbinding.yaml", metric["each"]["gauge"]["path"])
    assert UPSTREAM_CLUSTER == CLUSTER


def test_all_kinds_of_bindings_have_the_same_metrics() -> None:
    """Both files export the same metrics of each kind of binding, told apart by `group`."""
    assert RESOURCES[0] == RESOURCE
    for resource in RESOURCES:
        group = resource["groupVersionKind"]["group"]
        assert resource["commonLabels"] == {"group": group}
        for key in ("metricNamePrefix", "labelsFromPath", "errorLogV"):
            assert resource[key] == RESOURCE[key]
        assert [metric["name"] for metric in resource["metrics"]] == [
            metric["name"] for metric in RESOURCE["metrics"]
        ]


def test_operator_has_the_same_rules() -> None:
    """The Prometheus operator's object contains the groups of the rule file."""
    (rules,) = load(MONITORING / "operator/prometheusrule.yaml")
    assert rules["spec"] == RULES
