"""metacontroller/monitoring/dashboard.json as Grafana reads it.

tests/test_monitoring.py has the tests that panels share with alerts.
"""

import re
from pathlib import Path

import pytest
import yaml

from tests.promtool import promtool
from tests.test_manifests import FOLDER, load
from tests.test_monitoring import (
    DASHBOARD,
    MATCHER,
    METACONTROLLER,
    PANELS,
    QUERIES,
    SELECTOR,
    matchers,
)

pytestmark = pytest.mark.process


def test_dashboard(tmp_path: Path) -> None:
    """Panels differ in id and title and do not overlap, and each query is PromQL."""
    assert len({panel["id"] for panel in PANELS}) == len({panel["title"] for panel in PANELS})
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "cluster", "namespace"}
    exprs = [substitute(query) for query in QUERIES.values()]
    rules = [{"record": f"r{number}", "expr": expr} for number, expr in enumerate(exprs)]
    (tmp_path / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]})
    )
    ended = promtool("check", "rules", str(tmp_path / "rules.yaml"))
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_variables_select() -> None:
    """Each panel shows the chosen clusters; a panel of bindings also the chosen Namespaces."""
    for panel in PANELS:
        for target in panel["targets"]:
            for name, inside in SELECTOR.findall(target["expr"]):
                chosen = {label: value for label, _, value in MATCHER.findall(inside)}
                assert chosen["cluster"] == "$cluster"
                assert ("namespace" in chosen) == name.startswith("acrpull_binding_")
                assert chosen.get("namespace", "$namespace") == "$namespace"
    for variable in DASHBOARD["templating"]["list"][1:]:
        # Also matches series without the label: https://prometheus.io/docs/prometheus/latest/querying/basics/
        assert variable["includeAll"]
        assert variable["allValue"] == ".*"


def substitute(query: str) -> str:
    """Return *query* as Grafana sends it if all clusters and Namespaces are chosen."""
    for name, value in {"$__rate_interval": "5m", "$cluster": ".*", "$namespace": ".*"}.items():
        query = query.replace(name, value)
    return query


def test_metacontroller_panels() -> None:
    """The selectors of Metacontroller's metrics match all controllers of the project.

    A queue is named after kind and name of its controller:
    metacontroller@v4.17.2:pkg/controller/composite/controller.go:205
    """
    controllers = [
        (manifest["kind"], manifest["metadata"]["name"])
        for path in (*FOLDER.glob("*.yaml"), *FOLDER.glob("upstream/v1beta*.yaml"))
        for manifest in load(path)
        if manifest["kind"] in {"CompositeController", "DecoratorController"}
    ]
    assert len(controllers) == 6
    found = [m for query in QUERIES.values() for m in matchers(query) if m[0] in METACONTROLLER]
    names = {value for _, label, _, value in found if label == "name"}
    controller_names = {value for _, label, _, value in found if label == "controller_name"}
    for kind, name in controllers:
        assert all(re.fullmatch(pattern, f"{kind}-{name}") for pattern in names)
        assert all(re.fullmatch(pattern, name) for pattern in controller_names)
    assert names
    assert controller_names
