"""What is counted, through the front door; and that no caller makes the page longer."""

import platform
import threading
from uuid import uuid4

import pytest
import requests

from hooks.core.renewal.decision import MintReason
from hooks.version import VERSION
from tests.client import Client, aged, observed, token
from tests.emulator import Emulator, Fault, identity_not_found, no_role
from tests.emulator.fault import Endpoint
from tests.promtool import promtool
from tests.scrape import Scrape, page
from tests.service import Service

CALLS = "acrpull_hook_requests_total"
DURATIONS = "acrpull_hook_request_duration_seconds_count"
MINTS = "acrpull_mints_total"
REASONS = "acrpull_token_requests_total"
HITS = "acrpull_mint_cache_hits_total"
SERVED = "acrpull_served_token_remaining_seconds_count"
SCOPE = "repository:app:pull"


def grown(service: Service, before: Scrape) -> dict[tuple[str, ...], float]:
    """Return what grew since *before*, by name and values of labels, in order of the labels."""
    more = Scrape.of(service).since(before)
    return {(name, *(v for _, v in sorted(labels))): n for (name, labels), n in more.items()}


def test_healthy_call(client: Client, service: Service) -> None:
    """A call, its mint, and the token in its answer are counted."""
    before = Scrape.of(service)
    client.sync(observed(client.parent()))
    assert grown(service, before) == {
        (CALLS, "/sync", "ok"): 1,
        (DURATIONS, "/sync"): 1,
        (REASONS, "NoSecret"): 1,
        (MINTS, "exchange", "TokenValid"): 1,
        (SERVED,): 1,
    }


def test_kept_and_remembered(client: Client, service: Service) -> None:
    """A token that is kept mints nothing; one that another binding has had comes from memory."""
    answer = client.sync(observed(client.parent()))
    before = Scrape.of(service)
    client.sync(observed(client.parent(), answer=answer))
    client.sync(observed(client.parent("other")))
    calls = {(CALLS, "/sync", "ok"): 2, (DURATIONS, "/sync"): 2}
    assert grown(service, before) == {**calls, (REASONS, "NoSecret"): 1, (HITS,): 1, (SERVED,): 2}


# The hop that a mint ends with, what Azure does there, for which scope, and how it is counted.
ENDS: list[tuple[Endpoint, Fault, dict[str, str], str]] = [
    ("imds", identity_not_found(), {}, "IdentityNotFound"),
    ("exchange", no_role(), {}, "RegistryDenied"),
    ("exchange", no_role(), {"scope": SCOPE}, "RegistryDenied"),
    ("exchange", Fault(token="not.a.jwt"), {}, "MalformedToken"),
    ("token", Fault(status=503), {"scope": SCOPE}, "RegistryUnavailable"),
    ("token", Fault(), {"scope": SCOPE}, "TokenValid"),
]


@pytest.mark.parametrize("end", ENDS, ids=[f"{n}-{e[0]}-{e[3]}" for n, e in enumerate(ENDS)])
def test_hops(
    client: Client,
    emulator: Emulator,
    service: Service,
    end: tuple[Endpoint, Fault, dict[str, str], str],
) -> None:
    """A mint is counted once, at the hop that it ended with."""
    hop, fault, scope, reason = end
    emulator.faults.add(hop, fault)
    before = Scrape.of(service)
    client.sync(observed(client.parent(**scope)))
    counted = {key: n for key, n in grown(service, before).items() if key[0] == MINTS}
    assert counted == {(MINTS, hop, reason): 1}


def test_in_flight(client: Client, emulator: Emulator, service: Service) -> None:
    """A mint counts as in flight while Azure makes it wait."""
    asked, let_go = threading.Event(), threading.Event()

    def answer() -> str:
        asked.set()
        assert let_go.wait(5)
        return ""

    emulator.faults.add("exchange", Fault(status=503, body=answer))
    calling = threading.Thread(target=client.sync, args=(observed(client.parent()),))
    calling.start()
    try:
        assert asked.wait(5)
        assert Scrape.of(service).value("acrpull_mints_in_flight") == 1
    finally:
        let_go.set()
        calling.join()
    assert Scrape.of(service).value("acrpull_mints_in_flight") == 0


@pytest.mark.parametrize(
    ("age", "bounds"),
    [(0, {"9000.0": 0, "10800.0": 1}), (3 * 3600 + 1, {"0.0": 1, "60.0": 1})],
    ids=["fresh", "expired"],
)
def test_served_token(
    client: Client, emulator: Emulator, service: Service, age: float, bounds: dict[str, int]
) -> None:
    """What is left of a token in an answer is counted; of an expired one, nothing."""
    answer = client.sync(observed(client.parent()))
    emulator.faults.add("exchange", no_role())
    client.client_id = str(uuid4())  # of which nothing is remembered
    family = "acrpull_served_token_remaining_seconds"
    before = Scrape.of(service)
    client.sync(observed(client.parent(), answer=aged(answer, age)))
    after = Scrape.of(service)
    for bound, number in bounds.items():
        old, new = (scrape.value(f"{family}_bucket", le=bound) for scrape in (before, after))
        assert new - old == number
    more = after.value(f"{family}_sum") - before.value(f"{family}_sum")
    assert more > 3600 if age == 0 else more == 0


@pytest.mark.parametrize("body", [b"{", {}], ids=["no-json", "no-parent"])
def test_refused_call(client: Client, service: Service, body: object) -> None:
    """A body that is not taken is counted as the caller's fault."""
    before = Scrape.of(service)
    client.post("/finalize", body)
    expected = {(CALLS, "/finalize", "bad_request"): 1, (DURATIONS, "/finalize"): 1}
    assert grown(service, before) == expected


def test_callers_make_no_series(client: Client, service: Service) -> None:
    """Whatever is called, with whatever in it, the page gets no longer and quotes none of it."""
    for path in ("/sync", "/nope"):  # so that each kind of call has been
        client.post(path, {"parent": client.parent()})
        client.post(path, b"{")
    known = set(Scrape.of(service))
    marks = [f"x{uuid4().hex}" for _ in range(20)]
    for mark in marks:
        for path in (f"/{mark}", f"/sync/{mark}", f"/sync?{mark}=1", f"/sync%2f..%2f{mark}"):
            client.post(path, {"parent": client.parent(mark)}, **{mark: mark})
        requests.request(mark.upper(), f"{service.url}/sync", timeout=5)
        parent = client.parent(mark, acrServer=f"{mark}.example.com", serviceAccountName=mark)
        parent["metadata"] |= {"namespace": mark, "uid": mark}
        client.post("/sync", {"parent": parent})
        client.post("/serviceaccount/sync", {"object": {"metadata": {"name": mark}}})
    assert set(Scrape.of(service)) == known
    assert not [mark for mark in marks if mark in page(service)]


def test_nothing_is_given_away(client: Client, service: Service, emulator: Emulator) -> None:
    """Neither tokens nor who asks for them, and where, are on the page."""
    answer = client.sync(observed(client.parent()))
    text = page(service)
    assert "eyJ" not in text
    for known in (token(answer), client.client_id, emulator.acr_server, "team-a", "uid-app"):
        assert known not in text


@pytest.mark.process
def test_all_is_there_from_the_start(emulator: Emulator) -> None:
    """What has not happened yet has series: an alert on a rate sees the first time."""
    with Service(emulator.environment() | {"METRICS_BIND": "127.0.0.1:0"}) as fresh:
        scrape = Scrape.of(fresh)
        for outcome in ("ok", "bad_request", "unauthorized", "busy", "error"):
            labels = frozenset({("hook", "/customize"), ("outcome", outcome)})
            assert scrape[CALLS, labels] == 0
        reasons = {dict(labels)["reason"] for name, labels in scrape if name == REASONS}
        assert reasons == set(MintReason)
        hops = {dict(labels)["hop"] for name, labels in scrape if name == MINTS}
        assert hops == {"imds", "service-account-token", "entra", "exchange", "token"}
        revision = {dict(labels)["revision"] for name, labels in scrape if "build" in name}
        assert revision == {"unknown"}
        assert len(scrape) < 250


def test_build(service: Service) -> None:
    """The metrics contain version, revision and Python of the service."""
    ((_, labels),) = (key for key in Scrape.of(service) if key[0] == "acrpull_build_info")
    python = platform.python_version()
    assert dict(labels) == {"version": VERSION, "revision": "abc1234", "python": python}


@pytest.mark.parametrize("query", ["?x=1", "?match[]=a&match[]=b", "?"])
def test_query_is_ignored(service: Service, query: str) -> None:
    """A scrape with a query, as from a job with `params`, gets the metrics."""
    response = requests.get(f"{service.metrics_url}{query}", timeout=5)
    assert response.status_code == 200
    assert "acrpull_build_info" in response.text


@pytest.mark.parametrize(("path", "status"), [("/metrics", 200), ("/metrics?x=1", 200), ("/", 404)])
def test_head(service: Service, path: str, status: int) -> None:
    """A HEAD gets status and headers of the GET, without a body."""
    url = service.metrics_url.removesuffix("/metrics") + path
    response = requests.head(url, timeout=5)
    assert (response.status_code, response.content) == (status, b"")
    assert (int(response.headers["Content-Length"]) > 0) == (status == 200)
    assert response.headers["Content-Type"] == requests.get(url, timeout=5).headers["Content-Type"]


@pytest.mark.parametrize(("path", "status"), [("/", 404), ("/metrics/", 404), ("/sync", 404)])
def test_nothing_else_is_served(service: Service, path: str, status: int) -> None:
    """The metrics listener serves one path, and the hooks' listener does not serve that path."""
    base = service.metrics_url.removesuffix("/metrics")
    assert requests.get(f"{base}{path}", timeout=5).status_code == status
    assert requests.post(f"{base}/metrics", timeout=5).status_code == 501
    assert requests.get(f"{service.url}/metrics", timeout=5).status_code == 404


def test_names(service: Service) -> None:
    """Names, types and units are as Prometheus wants them."""
    ours = [
        line
        for line in page(service).splitlines()
        if line.removeprefix("# HELP ").removeprefix("# TYPE ").startswith("acrpull_")
    ]
    assert len({line.split()[2] for line in ours if line.startswith("# TYPE")}) == 9
    ended = promtool("check", "metrics", text="\n".join([*ours, ""]))
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "", 0)
