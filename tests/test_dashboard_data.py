"""Each panel of the dashboard shows data in a real Prometheus.

Prometheus scrapes the running service, and a page with the series of two other programs:
kube-state-metrics (with metacontroller/monitoring/kube-state-metrics.yaml) and Metacontroller.
"""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any, Final

import pytest
import requests
import yaml

from tests.client import Client, observed
from tests.e2e.process import free_port
from tests.emulator import Emulator, no_role
from tests.service import Service, clean_environment
from tests.test_dashboard import substitute
from tests.test_monitoring import PANELS
from tests.tools import require

pytestmark = pytest.mark.process

ROUNDS: Final = 5  # of calls, one a scrape, so that counters grow
START_SECONDS: Final = 30
APP: Final = 'group="acrpull.dev",namespace="team-a",binding="app"'
FLEET: Final = 'clusterbinding="platform"'
QUEUE: Final = '{name="CompositeController-acrpull"} 1'
# The token of the binding `app` expires soon and its renewal fails; `new` has no conditions.
OTHERS: Final = "\n".join(
    (
        f"acrpull_binding_created_timestamp_seconds{{{APP}}} 1",
        f"acrpull_binding_created_timestamp_seconds{{{APP.replace('app', 'new')}}} 1",
        f"acrpull_binding_token_expiration_timestamp_seconds{{{APP}}} EXPIRY",
        f'acrpull_binding_condition{{{APP},type="Ready",reason="RegistryDenied"}} 0',
        f'acrpull_binding_condition{{{APP},type="RenewalHealthy",reason="RegistryDenied"}} 0',
        f"acrpull_clusterbinding_selected{{{FLEET}}} 3",
        f"acrpull_clusterbinding_ready{{{FLEET}}} 2",
        f'acrpull_clusterbinding_condition{{{FLEET},type="Ready",reason="BindingsNotReady"}} 0',
        f"workqueue_depth{QUEUE}",
        f"workqueue_retries_total{QUEUE}",
        'metacontroller_sync_requests_total{controller_name="acrpull",code="200"} 1',
        "",
    )
)
NUMBERS: Final = {"Bindings": 2, "Not ready": 1, "Without conditions": 1}


class OtherPrograms(BaseHTTPRequestHandler):
    """Serves the series of kube-state-metrics and Metacontroller."""

    def do_GET(self) -> None:
        """Return the page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        expiry = time.time() + 1800  # noqa: TID251  Prometheus reads the machine's clock
        self.wfile.write(OTHERS.replace("EXPIRY", str(expiry)).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def run_prometheus(folder: Path, targets: list[str]) -> Iterator[str]:
    """Start a Prometheus that scrapes *targets* each second, and return its URL."""
    config = folder / "prometheus.yaml"
    jobs = [{"job_name": "all", "static_configs": [{"targets": targets}]}]
    config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}))
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    with Popen(  # noqa: S603  our own arguments
        command, env=clean_environment(), cwd=folder, stdout=DEVNULL, stderr=DEVNULL
    ) as process:
        try:
            wait_for_scrapes(url, len(targets))
            yield url
        finally:
            process.terminate()


def query(url: str, expr: str) -> list[Any]:
    """Return the series that the Prometheus at *url* returns for *expr*."""
    response = requests.get(f"{url}/api/v1/query", params={"query": expr}, timeout=10)
    response.raise_for_status()  # 503 until Prometheus has opened its database
    found: list[Any] = response.json()["data"]["result"]
    return found


def wait_for_scrapes(url: str, targets: int) -> None:
    """Return when the Prometheus at *url* has scraped all *targets*."""
    for _ in range(START_SECONDS * 10):
        with suppress(requests.ConnectionError, requests.HTTPError):
            if len(query(url, "up == 1")) == targets:
                return
        time.sleep(0.1)
    pytest.fail("Prometheus did not scrape.")


@pytest.fixture(scope="module")
def prometheus(
    service: Service, running_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return the URL of a Prometheus that has scraped a service while the service was called."""
    require("prometheus")
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherPrograms) as others:
        threading.Thread(target=others.serve_forever, daemon=True).start()
        scraped = service.metrics_url.removeprefix("http://").partition("/")[0]
        targets = [scraped, f"127.0.0.1:{others.server_port}"]
        with run_prometheus(tmp_path_factory.mktemp("prometheus"), targets) as url:
            for number in range(ROUNDS):
                time.sleep(1)
                call(service, running_emulator, number)
            time.sleep(2)  # the last scrape
            yield url
        others.shutdown()


def call(service: Service, emulator: Emulator, number: int) -> None:
    """Call the hooks for a new token, for a cached token and for a denied identity."""
    emulator.reset()
    client = Client(service.url, emulator.acr_server)
    client.sync(observed(client.parent(f"app-{number}")))
    client.sync(observed(client.parent(f"app-{number}-again")))
    emulator.faults.add("exchange", no_role())
    denied = Client(service.url, emulator.acr_server)
    denied.sync(observed(denied.parent(f"denied-{number}")))


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_panel_shows_data(panel: dict[str, Any], prometheus: str) -> None:
    """Each query of a panel returns numbers, and the table names the failing binding."""
    for target in panel["targets"]:
        found = query(prometheus, substitute(target["expr"]))
        values = [float(series["value"][1]) for series in found]
        # A quantile is NaN for a hook without calls. Grafana shows NaN as a gap.
        assert [value for value in values if not math.isnan(value)]
        if panel["title"] in NUMBERS:
            assert values == [NUMBERS[panel["title"]]]
        if panel["type"] == "table":
            assert {series["metric"]["binding"] for series in found} == {"app"}
