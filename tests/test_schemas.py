"""The rules of a spec, both ways, and what is said of one that breaks them."""

import json
from itertools import combinations

import pytest

from hooks.schemas import check_spec

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
RESOURCE_ID = (
    f"/subscriptions/{CLIENT_ID}/resourceGroups/rg/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)
LABEL = "a" * 63


@pytest.mark.parametrize("spec", [{}, None], ids=["empty", "null"])
def test_nothing_is_required(spec: object) -> None:
    """Each field may be left to the service's defaults."""
    assert check_spec(spec) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("acrServer", "x.azurecr.io"),
        ("acrServer", "my-registry.westeurope.data.azurecr.io"),
        ("acrServer", f"{LABEL}.io"),
        ("acrServer", f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}"),
        ("acrServer", "localhost:5000"),
        ("acrServer", "127.0.0.1:5000"),
        ("managedIdentityClientID", CLIENT_ID),
        ("managedIdentityClientID", "ABCDEFAB-2222-3333-4444-55555555555f"),
        ("managedIdentityResourceID", RESOURCE_ID),
        ("managedIdentityResourceID", RESOURCE_ID.lower()),
        ("managedIdentityResourceID", RESOURCE_ID.replace("/rg/", "/My.Group_(1)/")),
        ("scope", "repository:app:pull"),
        ("scope", "repository:team/app-1.x__y:pull,metadata_read"),
        ("scope", "repository:a:pull repository:b:pull"),
        ("scope", "registry:catalog:*"),
        ("serviceAccountName", "default"),
        ("serviceAccountName", "a.b-c.1"),
        ("serviceAccountName", "a" * 253),
    ],
)
def test_valid(field: str, value: str) -> None:
    """A field that keeps its rule is valid by itself."""
    assert check_spec({field: value}) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("acrServer", ""),
        ("acrServer", "registry"),
        ("acrServer", "X.azurecr.io"),
        ("acrServer", "x.azurecr.io."),
        ("acrServer", ".azurecr.io"),
        ("acrServer", "x..azurecr.io"),
        ("acrServer", "-x.azurecr.io"),
        ("acrServer", "x_y.azurecr.io"),
        ("acrServer", "https://x.azurecr.io"),
        ("acrServer", "x.azurecr.io/.."),
        ("acrServer", "x.azurecr.io:443"),
        ("acrServer", "x.azurecr.io:443@evil"),
        ("acrServer", "user@x.azurecr.io"),
        ("acrServer", "x.azurecr.io?a"),
        ("acrServer", "x.azurecr.io#a"),
        ("acrServer", "x.azurecr.io\n"),
        ("acrServer", "\u0445.azurecr.io"),
        ("acrServer", "localhost"),
        ("acrServer", "localhost:"),
        ("acrServer", f"{LABEL}a.io"),
        ("acrServer", f"{LABEL}.{LABEL}.{LABEL}.{'a' * 62}"),
        ("acrServer", 5),
        ("acrServer", None),
        ("managedIdentityClientID", "puller"),
        ("managedIdentityClientID", f"{{{CLIENT_ID}}}"),
        ("managedIdentityClientID", CLIENT_ID.replace("-", "")),
        ("managedIdentityClientID", f"{CLIENT_ID}\n"),
        ("managedIdentityClientID", ""),
        ("managedIdentityResourceID", "puller"),
        ("managedIdentityResourceID", RESOURCE_ID.replace("userAssignedIdentities", "x")),
        ("managedIdentityResourceID", f"{RESOURCE_ID}/x"),
        ("managedIdentityResourceID", f"{RESOURCE_ID}?x=y"),
        ("managedIdentityResourceID", f"{RESOURCE_ID}{'a' * 512}"),
        ("managedIdentityResourceID", RESOURCE_ID.replace("subscriptions", "sub\u017fcriptions")),
        ("managedIdentityResourceID", RESOURCE_ID.replace("Microsoft", "M\u0131crosoft")),
        ("managedIdentityResourceID", RESOURCE_ID.replace("/rg/", "/r\u212a/")),
        ("managedIdentityResourceID", f"{RESOURCE_ID}\u212a"),
        ("scope", ""),
        ("scope", "pull"),
        ("scope", "repository:app"),
        ("scope", "repository:App:pull"),
        ("scope", "repository:app:pull  repository:b:pull"),
        ("scope", "repository:app:*"),
        ("scope", "repository:app:pull\n"),
        ("scope", " ".join(["repository:app:pull"] * 103)),
        ("serviceAccountName", ""),
        ("serviceAccountName", "Default"),
        ("serviceAccountName", "a_b"),
        ("serviceAccountName", "a."),
        ("serviceAccountName", "a\n"),
        ("serviceAccountName", "a" * 254),
        ("serviceAccountName", ["default"]),
    ],
)
def test_invalid(field: str, value: object) -> None:
    """A field that breaks its rule is named, shown, and has an example that keeps it."""
    problem = check_spec({field: value})
    assert problem is not None
    assert problem.startswith(f"spec.{field}: {json.dumps(value)[:80]}")
    assert "\n" not in problem
    assert len(problem) < 400
    example = problem.rpartition("; e.g. ")[2]
    assert check_spec({field: example}) is None


def test_identity_by_one_name() -> None:
    """An identity is named in at most one way."""
    ways = {
        "managedIdentityClientID": CLIENT_ID,
        "managedIdentityResourceID": RESOURCE_ID,
        "workloadIdentity": {},
    }
    for one, other in combinations(ways, 2):
        assert check_spec({one: ways[one], other: ways[other]}) == (
            "spec: give at most one of managedIdentityClientID, managedIdentityResourceID, "
            "workloadIdentity"
        )


@pytest.mark.parametrize("name", ["acrserver", "token", "a" * 1000])
def test_unknown_field(name: str) -> None:
    """A misspelt field is refused, with those that there are."""
    problem = check_spec({name: "x", "acrServer": "x.azurecr.io"})
    assert problem is not None
    assert problem.startswith(f'spec: unknown field "{name[:79]}')
    assert problem.endswith("scope, serviceAccountName")
    assert len(problem) < 300


@pytest.mark.parametrize("spec", [[], "text", 5, True])
def test_no_object(spec: object) -> None:
    """A spec that is no object is a problem, not a crash."""
    assert check_spec(spec) == (
        f"spec: {json.dumps(spec)} is not an object; e.g. {{acrServer: myregistry.azurecr.io}}"
    )


FILLING = 4096 - len('{"scope": ""}')


@pytest.mark.parametrize("spec", [{"scope": "a" * (FILLING + 1)}, ["a" * 9000], {"a" * 9000: None}])
def test_too_long(spec: object) -> None:
    """A spec longer than its fields can be is refused without being shown."""
    assert check_spec(spec) == "spec: over 4096 characters, longer than all its fields can be"


def test_long() -> None:
    """A spec of the greatest length is looked at, and its field blamed."""
    problem = check_spec({"scope": "a" * FILLING})
    assert problem is not None
    assert problem.startswith('spec.scope: "aaa')


def test_longest_fields() -> None:
    """A spec whose fields are all as long as they may be is valid."""
    scope = "repository:app:pull"
    spec = {
        "acrServer": f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}",
        "managedIdentityResourceID": RESOURCE_ID.replace("/rg/", f"/{'g' * 90}/") + "r" * 122,
        "scope": " ".join([f"{scope}{'l' * 9}", *[scope] * 101]),
        "serviceAccountName": "a" * 253,
    }
    assert (len(spec["acrServer"]), len(spec["scope"])) == (253, 2048)
    assert check_spec(spec) is None
