"""metacontroller/monitoring/ against what is really told, and against promtool."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import yaml

from hooks.core.apis import APIS
from hooks.core.apis.api import Api
from hooks.core.reason import Reason
from hooks.core.token import Hop
from tests.promtool import promtool
from tests.scrape import Scrape
from tests.service import Service
from tests.test_manifests import FOLDER, ROOT, load

MONITORING: Final = FOLDER / "monitoring"
(RULES,) = load(MONITORING / "rules.yaml")
(STATE,) = load(MONITORING / "kube-state-metrics.yaml")
(UPSTREAM_STATE,) = load(MONITORING / "upstream/kube-state-metrics.yaml")
(RESOURCE,) = STATE["spec"]["resources"]
RESOURCES: Final = UPSTREAM_STATE["spec"]["resources"]
CRDS: Final = ("acrpullbinding.yaml", "upstream/v1beta1.yaml", "upstream/v1beta2.yaml")
DASHBOARD: Final = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
TEST: Final = ROOT / "tests/monitoring/rules_test.yaml"
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
SELECTOR: Final = re.compile(r"\b(acrpull_\w+)(?:\{(.*?)\})?")
MATCHER: Final = re.compile(r'(\w+)(=|!=|=~|!~)"(.*?)"')


def schema_at(file: str, path: list[str]) -> dict[str, Any]:
    """Return what the CRD in *file* says of the field at *path*."""
    (crd,) = load(ROOT / "crds" / file)
    (version,) = crd["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    for key in path:
        schema = schema["properties"][key]
    return schema


def binding_labels(metric: dict[str, Any]) -> set[str]:
    """Return the labels that kube-state-metrics gives to *metric*."""
    everywhere = {*RESOURCE["commonLabels"], *RESOURCE["labelsFromPath"]}
    return {*everywhere, *metric["each"]["gauge"].get("labelsFromPath", {})}


@pytest.fixture(scope="module")
def told(service: Service) -> dict[str, dict[str, set[str]]]:
    """Return each metric that there is, with its labels and their values so far."""
    assert requests.get(f"{service.url}/nothing", timeout=5).status_code == 404
    found: dict[str, dict[str, set[str]]] = {}
    for name, labels in Scrape.of(service):
        for label, value in labels:
            found.setdefault(name, {}).setdefault(label, set()).add(value)
        found.setdefault(name, {})
    found["acrpull_mints_total"] = {"hop": set(Hop), "reason": set(Reason)}
    for metric in RESOURCE["metrics"]:
        name = f"{RESOURCE['metricNamePrefix']}_{metric['name']}"
        found[name] = {label: set() for label in binding_labels(metric)}
    found["acrpull_binding_condition"]["type"] = {
        "Ready",
        "TokenFresh",
        "Attached",
        "RenewalHealthy",
    }
    return found


def matchers(query: str) -> Iterator[tuple[str, str, str, str]]:
    """Return metric, label, operator and value of each matcher in *query*."""
    for name, inside in SELECTOR.findall(query):
        for label, operator, value in MATCHER.findall(inside):
            yield name, label, operator, value


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_queries_are_of_what_is_told(query: str, told: dict[str, dict[str, set[str]]]) -> None:
    """Each metric, label and value that an alert or a panel asks for is one that there is."""
    asked = [name for name, _ in SELECTOR.findall(query)]
    assert asked
    assert set(asked) <= set(told)
    for name, label, operator, value in matchers(query):
        values = value.split("|") if "~" in operator else [value]
        assert set(values) <= told[name][label]
    known = {label for name in asked for label in told[name]}
    for labels in re.findall(r"\bby \((.*?)\)", query):
        assert set(labels.split(", ")) <= known


def test_all_that_is_told_is_shown(told: dict[str, dict[str, set[str]]]) -> None:
    """No metric of ours is of no use."""
    used = {name for query in QUERIES.values() for name, _ in SELECTOR.findall(query)}
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in used}
    ours = {re.sub("_(bucket|count|sum)$", "", n) for n in told if n.startswith("acrpull_")}
    assert ours - families == {"acrpull_binding_token_issued_timestamp_seconds"}


def test_alerts() -> None:
    """Each says how bad it is and what to do, and is tested."""
    (tests,) = load(TEST)
    due = {
        case["alertname"]
        for test in tests["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert sorted(rule["alert"] for rule in ALERTS) == sorted(due)
    for rule in ALERTS:
        assert rule["labels"].keys() == {"severity"}
        assert rule["annotations"].keys() == {"summary", "description"}


@pytest.mark.process
@pytest.mark.parametrize(
    "arguments",
    [("check", "rules", str(MONITORING / "rules.yaml")), ("test", "rules", str(TEST))],
    ids=["check", "test"],
)
def test_rules(arguments: tuple[str, ...]) -> None:
    """Prometheus takes the rules, and they alert when they should."""
    ended = promtool(*arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.process
def test_rules_can_fail(tmp_path: Path) -> None:
    """The tests of the rules find a rule that is wrong."""
    text = (MONITORING / "rules.yaml").read_text("utf-8").replace("< 600", "< 60")
    (tmp_path / "rules.yaml").write_text(text)
    test = TEST.read_text("utf-8").replace("../../metacontroller/monitoring/", "")
    (tmp_path / "test.yaml").write_text(test)
    assert promtool("test", "rules", str(tmp_path / "test.yaml")).returncode == 1


@pytest.mark.process
def test_dashboard(tmp_path: Path) -> None:
    """Grafana can tell its panels apart and lay them out, and each query is PromQL."""
    assert len({panel["id"] for panel in PANELS}) == len({panel["title"] for panel in PANELS})
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    (variable,) = DASHBOARD["templating"]["list"]
    sources = {panel["datasource"]["uid"] for panel in PANELS}
    assert sources == {f"${{{variable['name']}}}"}
    exprs = [query.replace("$__rate_interval", "5m") for query in QUERIES.values()]
    rules = [{"record": f"r{number}", "expr": expr} for number, expr in enumerate(exprs)]
    (tmp_path / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]})
    )
    ended = promtool("check", "rules", str(tmp_path / "rules.yaml"))
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("resource", "api", "file"), list(zip(RESOURCES, APIS.values(), CRDS, strict=True)), ids=APIS
)
def test_state_is_of_bindings(resource: dict[str, Any], api: Api, file: str) -> None:
    """kube-state-metrics reads fields that the CRD has, as instants or as a condition's status."""
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


def test_bindings_of_all_kinds_are_told_alike() -> None:
    """The file with upstream's has ours as the other has it; all tell the same, apart by group."""
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
    """The Prometheus operator's object is the rule file's groups."""
    (rules,) = load(MONITORING / "operator/prometheusrule.yaml")
    assert rules["spec"] == RULES
