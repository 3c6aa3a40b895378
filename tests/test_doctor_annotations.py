"""The doctor on annotations without effect."""

import pytest

from tests.doctor import GUID, SERVER, document, examine, manifest, thing

GOOD = manifest(acrServer=SERVER, managedIdentityClientID=GUID)
IDENTITIES = "acrpull.dev/allowed-identities"
SERVERS = "acrpull.dev/allowed-acr-servers"
CLIENT_ID = "azure.workload.identity/client-id"


def namespace(**meta: dict[str, str]) -> str:
    """Return Namespace team-a as a YAML document."""
    return document(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a", **meta}}
    )


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("acrpull.dev/allowed-identity", IDENTITIES),
        ("acrpull.dev/allowed_identities", IDENTITIES),
        ("acrpull.dev/Allowed-Identities", IDENTITIES),
        ("acrpul.dev/allowed-identity", IDENTITIES),
        ("acrpull.io/allowed-identities", IDENTITIES),
        ("acrpull.dev/allowed-acr-server", SERVERS),
        ("acrpull.dev/allowed-servers", SERVERS),
        ("acr-pull.dev/allowed-acr-servers", SERVERS),
    ],
)
def test_misspelled(key: str, meant: str) -> None:
    """A misspelled annotation of a Namespace is a problem. A similar annotation is proposed."""
    report = examine(GOOD + namespace(annotations={key: GUID}))
    assert report["problems"] == [
        f"Namespace team-a: annotation {key} is unknown and has no effect. Did you mean {meant}?"
    ]
    (binding,) = report["bindings"]
    assert binding["ok"]


def test_unknown() -> None:
    """A problem with an unknown annotation of acrpull names the known annotations."""
    report = examine(GOOD + namespace(annotations={"acrpull.dev/owner": "x"}))
    assert report["problems"] == [
        "Namespace team-a: annotation acrpull.dev/owner is unknown and has no effect. Known "
        f"annotations: {IDENTITIES}, {SERVERS}."
    ]


@pytest.mark.parametrize(
    "key", ["example.com/owner", "allowed-identities", "azure.workload.identity/use", "owner"]
)
def test_other_annotations(key: str) -> None:
    """An annotation unlike all annotations of acrpull is no problem."""
    text = GOOD + namespace(annotations={key: "x"})
    assert examine(text + thing("ServiceAccount", "x", annotations={key: "x"}))["ok"]


def test_known_annotations() -> None:
    """The annotations that acrpull reads or writes are no problem."""
    known = {
        "ServiceAccount": (
            "acrpull.dev/pull-secrets", "acrpull.dev/attached", CLIENT_ID,
            "azure.workload.identity/tenant-id",
            "azure.workload.identity/service-account-token-expiration",
        ),
        "Secret": ("acrpull.dev/token-inputs",),
    }  # fmt: skip
    things = (
        thing(kind, "x", annotations=dict.fromkeys(keys, "x")) for kind, keys in known.items()
    )
    assert examine(GOOD + "".join(things) + namespace(annotations={SERVERS: "*"}))["ok"]


@pytest.mark.parametrize("kind", ["ServiceAccount", "Secret", "ACRPullBinding"])
def test_wrong_kind(kind: str) -> None:
    """An annotation of a Namespace on another object is a problem."""
    text = GOOD.replace("metadata:", f"metadata:\n  annotations: {{{IDENTITIES}: x}}")
    if kind != "ACRPullBinding":
        text = GOOD + thing(kind, "app", annotations={IDENTITIES: "x"})
    assert examine(text)["problems"] == [
        f"{kind} team-a/app: annotation {IDENTITIES} has no effect here. Set it on the Namespace."
    ]


def test_on_a_binding() -> None:
    """A binding has no annotations of acrpull."""
    text = GOOD.replace("metadata:", "metadata:\n  annotations: {acrpull.dev/scope: x}")
    assert examine(text)["problems"] == [
        "ACRPullBinding team-a/app: annotation acrpull.dev/scope is unknown and has no effect. "
        "Remove it."
    ]


def test_label() -> None:
    """An annotation's key among the labels is a problem."""
    (problem,) = examine(GOOD + namespace(labels={SERVERS: SERVER}))["problems"]
    assert problem == f"Namespace team-a: label {SERVERS} has no effect. Set it as an annotation."


def test_client_id() -> None:
    """A misspelled annotation of workload identity is a problem."""
    account = thing("ServiceAccount", "x", annotations={CLIENT_ID.replace("-", "_"): GUID})
    (problem,) = examine(GOOD + account)["problems"]
    assert problem.endswith(f"Did you mean {CLIENT_ID}?")


def test_other_kind() -> None:
    """Annotations of other objects are not checked."""
    text = thing("Pod", "x", annotations={"acrpull.dev/owner": "x"})
    assert examine(GOOD + text)["ok"]
