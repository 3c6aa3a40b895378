"""The service's rules for a spec, and the problem that a spec which breaks them has."""

import json
import re
from functools import reduce
from itertools import combinations
from operator import getitem
from typing import Any

import pytest
import yaml

from hooks.core.names import API_VERSION, UPSTREAM_V1BETA1
from hooks.schemas import MAX_CHARACTERS, check_spec
from tests.test_crds import REJECTED, field_in_name, load

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
RESOURCE_ID = (
    f"/subscriptions/{CLIENT_ID}/resourceGroups/rg/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)
LABEL = "a" * 63


@pytest.mark.parametrize("spec", [{}, None], ids=["empty", "null"])
def test_nothing_is_required(spec: object) -> None:
    """A spec without fields is valid: the service has defaults."""
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
        ("serviceAccountNames", []),
        ("serviceAccountNames", ["*"]),
        ("serviceAccountNames", ["a.b-c.1", "default"]),
        ("serviceAccountNames", [f"a{number}" for number in range(50)]),
    ],
)
def test_valid(field: str, value: str) -> None:
    """A spec with one valid field is valid."""
    assert check_spec({field: value}) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("acrServer", ".azurecr.io"),
        ("acrServer", "x..azurecr.io"),
        ("acrServer", "-x.azurecr.io"),
        ("acrServer", "x_y.azurecr.io"),
        ("acrServer", "x.azurecr.io/.."),
        ("acrServer", "x.azurecr.io:443@evil"),
        ("acrServer", "x.azurecr.io?a"),
        ("acrServer", "x.azurecr.io#a"),
        ("acrServer", "\u0445.azurecr.io"),
        ("acrServer", "localhost"),
        ("acrServer", "localhost:"),
        ("acrServer", f"{LABEL}.{LABEL}.{LABEL}.{'a' * 62}"),
        ("acrServer", None),
        ("managedIdentityClientID", CLIENT_ID.replace("-", "")),
        ("managedIdentityClientID", ""),
        ("managedIdentityResourceID", "puller"),
        ("managedIdentityResourceID", f"{RESOURCE_ID}/x"),
        ("managedIdentityResourceID", f"{RESOURCE_ID}?x=y"),
        ("managedIdentityResourceID", RESOURCE_ID.replace("subscriptions", "sub\u017fcriptions")),
        ("managedIdentityResourceID", RESOURCE_ID.replace("Microsoft", "M\u0131crosoft")),
        ("managedIdentityResourceID", RESOURCE_ID.replace("/rg/", "/r\u212a/")),
        ("scope", "repository:app:*"),
        ("scope", "repository:app:pull\n"),
        ("scope", " ".join(["repository:app:pull"] * 103)),
        ("serviceAccountName", ""),
        ("serviceAccountName", "a."),
        ("serviceAccountName", "a\n"),
        ("serviceAccountName", ["default"]),
        ("serviceAccountNames", "*"),
        ("serviceAccountNames", {}),
        ("serviceAccountNames", None),
    ],
)
def test_invalid(field: str, value: object) -> None:
    """A field breaks its rule in a way that no rejected sample of the CRD shows."""
    check_problem({field: value}, field)


def test_rejected_samples() -> None:
    """The service rejects each sample that the CRD rejects, for the same field."""
    fields = {sample: field_in_name(sample) for sample in REJECTED}
    for sample, field in fields.items():
        if field.startswith("secretTemplate."):
            problem = check_spec(load(sample)["spec"])
            assert problem is not None, sample
            assert problem.startswith(f"spec.{field}: ")
            assert "Use, for example, " in problem
        elif field not in {"object", "spec"}:
            check_problem(load(sample)["spec"], field)


def check_problem(spec: dict[str, Any], field: str) -> None:
    """Check that the problem has one line with *field*, its value and a valid example."""
    *path, last = field.split(".")
    parent = reduce(getitem, path, spec)
    problem = check_spec(spec)
    assert problem is not None, spec
    item = re.match(rf"spec\.{field}\.(\d+): ", problem)
    wrong = parent[last][int(item[1])] if item else parent[last]
    assert problem.startswith(f"{item[0] if item else f'spec.{field}: '}{json.dumps(wrong)[:80]}")
    assert "\n" not in problem
    assert len(problem) < 400
    example = yaml.safe_load(problem.rpartition("for example, ")[2])
    fixed = parent | {last: [example] if item else example}
    assert check_spec(reduce(lambda inner, name: {name: inner}, reversed(path), fixed)) is None


def test_identity_by_one_name() -> None:
    """A spec with two identities is invalid."""
    ways = {
        "managedIdentityClientID": CLIENT_ID,
        "managedIdentityResourceID": RESOURCE_ID,
        "workloadIdentity": {},
    }
    for one, other in combinations(ways, 2):
        assert check_spec({one: ways[one], other: ways[other]}) == (
            "spec names more than one identity. Keep one of managedIdentityClientID, "
            "managedIdentityResourceID, workloadIdentity."
        )


@pytest.mark.parametrize("name", ["acrserver", "token", "a" * 1000])
def test_unknown_field(name: str) -> None:
    """The problem of an unknown field names the known fields."""
    problem = check_spec({name: "x", "acrServer": "x.azurecr.io"})
    assert problem is not None
    assert problem.startswith(f'spec: unknown field "{name[:79]}')
    assert problem.endswith("scope, secretTemplate, serviceAccountName, serviceAccountNames.")
    assert len(problem) < 300


@pytest.mark.parametrize("spec", [[], "text", 5, True])
def test_no_object(spec: object) -> None:
    """A spec that is no object is invalid."""
    assert check_spec(spec) == (
        f"spec: {json.dumps(spec)} is not an object. Use, for example, "
        "{acrServer: myregistry.azurecr.io}"
    )


KEY = (
    "a name of at most 63 characters (letters, digits, -, _ and .), optionally after a prefix "
    "(a DNS name in lower case, and /), at most 253 characters in all"
)


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        pytest.param(
            {"metadata": {"labels": {"a b": "shop"}}},
            f'.metadata.labels: "a b" is not {KEY}. Use, for example, example.com/team',
            id="key",
        ),
        pytest.param(
            {"metadata": {"annotations": {"controller-uid": "shop"}}},
            '.metadata.annotations: "controller-uid" is not a key of your own (controller-uid, '
            "and the keys under acrpull.dev, kubernetes.io, metacontroller.k8s.io and "
            "acr.microsoft.com, are reserved). Use, for example, example.com/team",
            id="reserved",
        ),
        pytest.param(
            {"metadata": {"name": "mine"}},
            '.metadata: unknown field "name". Known fields are labels, annotations.',
            id="name",
        ),
        pytest.param(
            {"labels": {"team": "shop"}},
            ': unknown field "labels". Known fields are metadata.',
            id="without-metadata",
        ),
    ],
)
def test_secret_template(template: object, problem: str) -> None:
    """The problem of a template names the key, or the known fields."""
    assert check_spec({"secretTemplate": template}) == f"spec.secretTemplate{problem}"


@pytest.mark.parametrize("domain", ["acrpull.dev", "kubernetes.io", "metacontroller.k8s.io"])
def test_reserved_keys(domain: str) -> None:
    """The keys of a domain and its subdomains are reserved. Other keys that look alike are free."""
    for key in (f"{domain}/x", f"sub.{domain}/x", f"a.b.{domain}/x"):
        for part in ("labels", "annotations"):
            problem = check_spec({"secretTemplate": {"metadata": {part: {key: "shop"}}}})
            assert problem is not None
            assert f'{part}: "{key}" is not a key of your own' in problem
    for key in (domain, f"my{domain}/x", f"{domain}.example.com/x", f"example.com/{domain}"):
        assert check_spec({"secretTemplate": {"metadata": {"labels": {key: "shop"}}}}) is None


def filling(api_version: str) -> int:
    """Return the length of a scope with which a spec has the maximum length."""
    return MAX_CHARACTERS[api_version] - len('{"scope": ""}')


@pytest.mark.parametrize("api_version", [API_VERSION, UPSTREAM_V1BETA1])
def test_too_long(api_version: str) -> None:
    """The problem of a spec that is longer than all fields can be does not show the spec."""
    longest = filling(api_version)
    for spec in ({"scope": "a" * (longest + 1)}, ["a" * 2 * longest], {"a" * 2 * longest: None}):
        assert check_spec(spec, api_version) == (
            f"spec has over {MAX_CHARACTERS[api_version]} characters, more than all its fields "
            "need. Shorten it."
        )


def test_long() -> None:
    """The problem of a spec with the maximum length names the invalid field."""
    problem = check_spec({"scope": "a" * filling(API_VERSION)})
    assert problem is not None
    assert problem.startswith('spec.scope: "aaa')


def longest_keys() -> list[str]:
    """Return as many keys as a template may have, each with the maximum length."""
    return [
        f"{LABEL}.{LABEL}.{LABEL}.{number:03d}{'a' * 41}.com/{'a' * 12}" for number in range(20)
    ]


def test_longest_fields() -> None:
    """A spec with the maximum length of each field is valid."""
    scope = "repository:app:pull"
    spec = {
        "acrServer": f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}",
        "managedIdentityResourceID": RESOURCE_ID.replace("/rg/", f"/{'g' * 90}/") + "r" * 122,
        "scope": " ".join([f"{scope}{'l' * 9}", *[scope] * 101]),
        "serviceAccountName": "default",
        "serviceAccountNames": [f"{number:a>253}" for number in range(50)],
        "secretTemplate": {
            "metadata": {
                "labels": dict.fromkeys(longest_keys(), "a" * 63),
                "annotations": dict.fromkeys(longest_keys(), "\0" * 1024),
            }
        },
    }
    assert (len(spec["acrServer"]), len(spec["scope"])) == (253, 2048)
    assert check_spec(spec) is None
