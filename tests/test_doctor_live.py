"""The doctor with --live, against the emulator of Azure."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest

from hooks.core.model.reason import Reason
from hooks.log import TOKEN_TEXT
from tests.doctor import Run, manifest, run, upstream
from tests.emulator import (
    Emulator,
    Fault,
    acr_throttled,
    firewall,
    identity_not_found,
    imds_throttled,
    no_role,
    unknown_resource,
)
from tests.emulator.fault import Endpoint

SCOPE: Final = "repository:a:pull"
RESOURCE_ID: Final = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)
# The failing hop, the fault and the reason. Only a fault of `token` needs a scope.
FAULTS: Final[list[tuple[Endpoint, Fault, Reason]]] = [
    ("imds", identity_not_found(), Reason.IDENTITY_NOT_FOUND),
    ("imds", imds_throttled(), Reason.THROTTLED),
    ("imds", unknown_resource(), Reason.AUDIENCE_REFUSED),
    ("imds", Fault(status=500), Reason.IDENTITY_UNAVAILABLE),
    ("imds", Fault(reset=True), Reason.IDENTITY_UNAVAILABLE),
    ("imds", Fault(delay=20), Reason.IDENTITY_UNAVAILABLE),
    ("exchange", no_role(), Reason.REGISTRY_DENIED),
    ("exchange", firewall(), Reason.REGISTRY_FIREWALL),
    ("exchange", acr_throttled(), Reason.THROTTLED),
    ("exchange", Fault(status=404), Reason.REGISTRY_ERROR),
    ("exchange", Fault(status=503), Reason.REGISTRY_UNAVAILABLE),
    ("exchange", Fault(token="not.a.jwt"), Reason.MALFORMED_TOKEN),
    ("exchange", Fault(reset=True), Reason.REGISTRY_UNREACHABLE),
    ("exchange", Fault(delay=20), Reason.TIMEOUT),
    ("token", Fault(status=401), Reason.REGISTRY_DENIED),
    ("token", Fault(status=400), Reason.SCOPE_REFUSED),
]
HOPS: Final = ("imds", "exchange", "token")


def live(emulator: Emulator, spec: Mapping[str, str] = {}, **environ: str) -> Run:
    """Return a run for a binding to the emulator's registry. Fail if the output has a token."""
    name = {} if "managedIdentityResourceID" in spec else {"managedIdentityClientID": str(uuid4())}
    text = manifest(**{"acrServer": emulator.acr_server, **name, **spec})
    environ = emulator.environment() | environ
    done = run("--live", "--output", "json", "-", stdin=text, environ=environ)
    shown = json.loads(done.out)
    for binding in shown["bindings"]:
        del binding["children"]  # a docker config, with a placeholder, looks like a token
    assert not TOKEN_TEXT.search(json.dumps(shown))
    assert not TOKEN_TEXT.search(done.err)
    return done


def tried(done: Run) -> list[dict[str, Any]]:
    """Return the hops of the run's only binding."""
    (binding,) = done.report["bindings"]
    found: list[dict[str, Any]] = binding["live"]
    assert all(hop["milliseconds"] > 0 for hop in found)
    return found


def test_success(emulator: Emulator) -> None:
    """Each hop is called once and succeeds. The exit code is 0."""
    done = live(emulator, {"scope": SCOPE})
    assert [(hop["hop"], hop["reason"]) for hop in tried(done)] == [
        ("imds", None), ("exchange", None), ("token", None)
    ]  # fmt: skip
    assert done.code == 0
    assert [record.endpoint for record in emulator.requests] == ["imds", "exchange", "token"]


@pytest.mark.parametrize(
    "spec", [{}, {"managedIdentityResourceID": RESOURCE_ID}, {"scope": SCOPE}], ids=str
)
def test_requests_match_the_report(emulator: Emulator, spec: dict[str, str]) -> None:
    """Azure receives the requests in the report, except for the tokens."""
    done = live(emulator, spec)
    (binding,) = done.report["bindings"]
    assert len(binding["requests"]) == len(emulator.requests)
    for said, sent in zip(binding["requests"], emulator.requests, strict=True):
        url = urlsplit(said["url"])
        assert (said["method"], url.netloc, url.path) == (sent.method, sent.host, sent.path)
        assert dict(parse_qsl(url.query)) == sent.query
        assert said["form"].keys() == sent.form.keys()
        shown = {key: value for key, value in said["form"].items() if "<" not in value}
        assert shown.items() <= sent.form.items()
        assert len(sent.form) - len(shown) == (said["method"] == "POST")


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row, id=f"{row[0]}-{row[2]}-{n}", marks=[pytest.mark.slow] * bool(row[1].delay)
        )
        for n, row in enumerate(FAULTS)
    ],
)
def test_failure(emulator: Emulator, row: tuple[Endpoint, Fault, Reason]) -> None:
    """The failing hop is the last. Its message says what happened, then what to do."""
    endpoint, fault, reason = row
    emulator.faults.add(endpoint, fault)
    scope = {"scope": SCOPE} if endpoint == "token" else {}
    done = live(emulator, scope)
    *before, last = tried(done)
    assert (last["hop"], last["reason"]) == (endpoint, reason)
    assert re.fullmatch(r"\S.+\. [A-Z].+", last["message"])
    assert (done.code, done.err) == (1, "")
    assert [hop["reason"] for hop in before] == [None] * HOPS.index(endpoint)


def test_names_of_fields(emulator: Emulator) -> None:
    """A message names the fields of the binding's API."""
    emulator.faults.add("token", Fault(status=400))
    acr = {"server": emulator.acr_server, "scope": SCOPE}
    auth = {"managedIdentity": {"clientID": str(uuid4())}}
    text = upstream(acr=acr, auth=auth)
    done = run("--live", "--output", "json", "-", stdin=text, environ=emulator.environment())
    assert f'rejected spec.acr.scope "{SCOPE}".' in tried(done)[-1]["message"]


def test_partial_grant(emulator: Emulator) -> None:
    """A token for only a part of the scope is a failure."""
    emulator.grant = lambda _, scope: set(scope.actions) - {"push"}
    done = live(emulator, {"scope": "repository:a:pull,push"})
    assert tried(done)[-1]["reason"] == Reason.SCOPE_NOT_GRANTED


def test_old_token(emulator: Emulator) -> None:
    """A token too old for acrpull is a failure."""
    emulator.token_age = 10000
    for scope in ({}, {"scope": SCOPE}):
        done = live(emulator, scope)
        assert tried(done)[-1]["reason"] == Reason.CLOCK_SKEW


def test_unknown_registry(emulator: Emulator) -> None:
    """A registry without an address is a failure."""
    spec = {"acrServer": "no-such-registry.azurecr.io"}
    done = live(emulator, spec, ALLOWED_ACR_SERVER_SUFFIXES="azurecr.io")
    assert tried(done)[-1]["reason"] == Reason.REGISTRY_NOT_FOUND


def test_unknown_ca(emulator: Emulator, tmp_path: Path) -> None:
    """A registry's certificate from an unknown CA is a failure."""
    other = tmp_path / "ca.crt"
    other.write_bytes(emulator.token_file.read_bytes())
    done = live(emulator, REQUESTS_CA_BUNDLE=str(other))
    assert tried(done)[-1]["reason"] == Reason.REGISTRY_UNTRUSTED


def test_denied_server(emulator: Emulator) -> None:
    """No request is sent for a denied server."""
    done = live(emulator, {"acrServer": "registry.example.com"})
    (binding,) = done.report["bindings"]
    assert (done.code, binding["live"], emulator.requests) == (1, None, [])


def test_text(emulator: Emulator) -> None:
    """The text has hop, time and outcome in columns. The outcome says what to do."""
    emulator.faults.add("exchange", no_role())
    text = manifest(acrServer=emulator.acr_server, managedIdentityClientID=str(uuid4()))
    done = run("--live", "-", stdin=text, environ=emulator.environment())
    lines = done.out.partition("  Requests from here\n")[2].partition("note: ")[0].splitlines()
    assert [line.split()[0] for line in lines] == ["imds", "exchange"]
    assert len({line.index(" ms  ") for line in lines}) == 1
    assert " ms  RegistryDenied: " in lines[1]
    assert " Assign it the AcrPull role" in lines[1]
    assert done.out.startswith("ACRPullBinding team-a/app: not ready\n")
    assert "\nGrant access:\n" in done.out


def test_text_after_success(emulator: Emulator) -> None:
    """After a success, the text has no commands, because the identity has access."""
    text = manifest(acrServer=emulator.acr_server, managedIdentityClientID=str(uuid4()))
    done = run("--live", "-", stdin=text, environ=emulator.environment())
    assert done.code == 0
    assert "  ok: a token until " in done.out
    assert "Grant access" not in done.out
