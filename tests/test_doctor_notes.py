"""The doctor's notes on a whole file, each note once for all bindings."""

import pytest

from tests.doctor import GUID, SERVER, document, examine, manifest, run, thing, upstream

GOOD = manifest(acrServer=SERVER, managedIdentityClientID=GUID)
WORKLOAD = {"WORKLOAD_IDENTITY": "enabled", "UPSTREAM_APIS": "enabled"}
UPSTREAM_AUDIENCE = "api://AzureCRTokenExchange"


def several(*names: str, **spec: object) -> str:
    """Return bindings in different Namespaces."""
    fields = {"acrServer": SERVER, "managedIdentityClientID": GUID, **spec}
    return "".join(manifest(name, **fields).replace("team-a", f"ns-{name}") for name in names)


def test_namespaces() -> None:
    """A single note names all Namespaces outside the file."""
    assert examine(several("a", "b"))["notes"] == [
        "Namespaces ns-a, ns-b are not in this file, so their allow-lists were not checked."
    ]


def test_required_annotations() -> None:
    """With NAMESPACE_POLICY=required, a note lists the annotations each Namespace needs."""
    other = GUID.replace("1", "2")
    text = several("a") + manifest(
        "b", acrServer="b.azurecr.io", managedIdentityClientID=other
    ).replace("team-a", "ns-a")
    assert examine(text + several("c"), NAMESPACE_POLICY="required")["notes"][1:] == [
        "NAMESPACE_POLICY=required: Namespace ns-a needs "
        f"acrpull.dev/allowed-identities={GUID},{other} and "
        f"acrpull.dev/allowed-acr-servers={SERVER},b.azurecr.io",
        "NAMESPACE_POLICY=required: Namespace ns-c needs "
        f"acrpull.dev/allowed-identities={GUID} and acrpull.dev/allowed-acr-servers={SERVER}",
    ]


def test_assumed_namespace() -> None:
    """A single note names the bindings without a Namespace."""
    text = several("a", "b").replace("  namespace: ns-a\n", "").replace("  namespace: ns-b\n", "")
    assert examine(text)["notes"][0] == (
        'a, b: metadata.namespace is not set, so "default" is assumed (kubectl uses the namespace '
        "of its context)."
    )


def test_settings() -> None:
    """A single note explains how to use the service's settings, if they can explain a problem."""
    start = (
        "The settings in this environment were used. Set the variables of the service here, e.g."
    )
    bad = several("a", "b", acrServer="registry.example.com")
    (note,) = examine(bad + GOOD)["notes"][:1]
    assert note.startswith(start)
    assert "exec -i deploy/acrpull -- python -m hooks.doctor - < binding.yaml" in note
    for text in (GOOD, several("a", acrServer="X")):
        assert not any(note.startswith(start) for note in examine(text)["notes"])


def test_other_sources_of_tokens() -> None:
    """A note names a variable because of which azure-identity does not call IMDS."""
    report = examine(GOOD, IDENTITY_ENDPOINT="http://x")
    assert report["ok"]
    assert report["notes"][0].startswith("IDENTITY_ENDPOINT is set, so azure-identity calls that")


def test_disabled_apis() -> None:
    """A single note reports that acrpull does not serve bindings of msi-acrpull."""
    note = (
        "UPSTREAM_APIS=disabled: acrpull does not serve bindings of msi-acrpull. Add the component "
        "metacontroller/upstream, which enables them."
    )
    text = upstream("a") + upstream("b")
    assert examine(text)["notes"].count(note) == 1
    assert note not in examine(text, UPSTREAM_APIS="enabled")["notes"]
    assert note not in examine(GOOD)["notes"]


AUTH = {"workloadIdentity": {"serviceAccountRef": "builder", "clientID": GUID, "tenantID": GUID}}


def test_audience_of_msi_acrpull() -> None:
    """The text names msi-acrpull's audience and the setting, then the commands."""
    text = upstream("a", auth=AUTH) + upstream("b", "team-b", auth=AUTH)
    done = run("-", stdin=text, environ=WORKLOAD)
    note = f"note: msi-acrpull uses the audience {UPSTREAM_AUDIENCE} by default."
    assert done.out.count(note) == 1
    assert f"set SERVICE_ACCOUNT_TOKEN_AUDIENCE={UPSTREAM_AUDIENCE} " in done.out
    assert done.out.index(note) < done.out.index("az identity federated-credential create")
    assert done.code == 0


def test_same_audience() -> None:
    """With msi-acrpull's audience in the settings, the command has this audience without a note."""
    environ = {**WORKLOAD, "SERVICE_ACCOUNT_TOKEN_AUDIENCE": UPSTREAM_AUDIENCE}
    done = run("-", stdin=upstream(auth=AUTH), environ=environ)
    assert "note: msi-acrpull" not in done.out
    assert f"--audiences {UPSTREAM_AUDIENCE}\n" in done.out


@pytest.mark.parametrize("text", [upstream(), manifest(workloadIdentity={}), upstream(auth=None)])
def test_audience_of_others(text: str) -> None:
    """Only bindings of msi-acrpull with a workload identity have credentials for its audience."""
    notes = examine(text, **WORKLOAD)["notes"]
    assert not any(note.startswith("msi-acrpull") for note in notes)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("spec:\n  acrServer: {{ .Values.server }}\n", "line 2, column 15: found unhashable key"),
        ("{{- if .Values.pull }}\na: 1\n{{- end }}\n", "line 1, column 3: did not find"),
    ],
)
def test_template(text: str, problem: str) -> None:
    """A note on a file with a syntax error recognizes a template."""
    report = examine(text)
    (found,) = report["problems"]
    assert found.startswith(problem)
    assert report["notes"] == [
        'The file contains "{{" and looks like a template. Render it first, e.g. with helm '
        "template."
    ]


def test_template_in_a_value() -> None:
    """A file that can be parsed has the note only if there is a problem."""
    text = manifest(acrServer="{{ .Values.server }}", managedIdentityClientID=GUID)
    assert examine(text)["notes"][0].startswith('The file contains "{{"')
    labelled = document({"kind": "ConfigMap", "data": {"a": "{{ x }}"}})
    assert not any('"{{"' in note for note in examine(GOOD + labelled)["notes"])


def test_unread_account() -> None:
    """A single note for all bindings names the ServiceAccount and the annotations."""
    text = several("a", "b", managedIdentityClientID=None, workloadIdentity={})
    text = text.replace("ns-b", "ns-a")
    note = examine(text, **WORKLOAD)["notes"][0]
    assert note == (
        "ServiceAccount ns-a/default is not in this file, so its annotations were not read "
        "(azure.workload.identity/client-id, azure.workload.identity/tenant-id). "
        "00000000-0000-0000-0000-000000000000 stands for the ID."
    )
    found = thing("ServiceAccount", "default", annotations={
        "azure.workload.identity/client-id": GUID, "azure.workload.identity/tenant-id": GUID
    }).replace("team-a", "ns-a")  # fmt: skip
    assert not any("annotations" in note for note in examine(text + found, **WORKLOAD)["notes"])
