"""The APIs of bindings: names of Secrets, and what a spec of each asks for."""

import re
from typing import Final

import pytest

from hooks.core.apis import APIS, OURS, UPSTREAM, api_of
from hooks.core.apis.api import CREATE_CREDENTIAL, Api
from hooks.core.fields import JSON
from hooks.core.model.binding import Spec
from hooks.core.model.identity import Identity, WorkloadIdentity
from hooks.core.model.targets import one_target
from hooks.core.wire.objects import parse_binding
from tests.core.builders import CLIENT_ID, SERVER

FIRST, SECOND = UPSTREAM
RESOURCE_ID: Final = "/subscriptions/x/userAssignedIdentities/puller"
SCOPE: Final = "repository:app:pull"
DNS_SUBDOMAIN: Final = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
LABEL_VALUE: Final = 63  # characters at most


def new_binding(api: Api, spec: JSON, name: str = "app") -> JSON:
    """Return a binding of *api*."""
    meta = {"name": name, "namespace": "team-a", "uid": "uid-app"}
    return {"apiVersion": api.api_version, "kind": api.kind, "metadata": meta, "spec": spec}


def registry(**fields: object) -> JSON:
    """Return the spec of v1beta2 with *fields* in `acr`, for a managed identity."""
    return {
        "acr": {"server": SERVER, "scope": SCOPE, **fields},
        "auth": {"managedIdentity": {"clientID": CLIENT_ID}},
        "serviceAccountName": "build",
    }


def login(**auth: JSON) -> JSON:
    """Return the spec of v1beta2 with *auth*."""
    return {**registry(), "auth": auth}


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: api.api_version)
def test_api_of(api: Api) -> None:
    """An API is known by its version, and Metacontroller's name for its group by both."""
    assert api_of(api.api_version) is api
    assert api.group == f"{api.kind}.{api.api_version}"


@pytest.mark.parametrize("version", [None, "", "acrpull.dev/v1", 5, ["a"]])
def test_other_versions(version: object) -> None:
    """Whatever else a binding says, it is read as one of ours."""
    assert api_of(version) is OURS


@pytest.mark.parametrize(
    ("api", "binding", "name"),
    [
        (FIRST, "app", "app-msi-acrpull-secret"),
        (FIRST, "a" * 234, "a" * 234 + "-msi-acrpull-secret"),
        (FIRST, "a" * 235, "a" * 223 + "-1w2oyjwmzj-msi-acrpull-secret"),
        (SECOND, "app", "acr-pull-app"),
        (SECOND, "a" * 233, "acr-pull-" + "a" * 233),
        # From upstream's own function.
        (SECOND, "a" * 234, "acr-pull-" + "a" * 233 + "-3072bpnzpy"),
        (SECOND, "a" * 253, "acr-pull-" + "a" * 233 + "-ruqsy721o6"),
        (SECOND, "b" * 232 + "." + "c" * 20, "acr-pull-" + "b" * 232 + "-ulyeo6np8k"),
    ],
)
def test_secret_name(api: Api, binding: str, name: str) -> None:
    """A Secret is named as upstream names it, or where upstream could not, with a hash."""
    assert api.secret_name(binding) == name
    assert len(name) <= 253


@pytest.mark.parametrize(
    ("api", "secret", "binding"),
    [
        (OURS, "acr-pull-app", "app"),
        (OURS, "acr-pull-x-msi-acrpull-secret", "x-msi-acrpull-secret"),
        (OURS, "acr-pull-acr-pull-x", "acr-pull-x"),
        (OURS, "app", None),
        (OURS, "app-msi-acrpull-secret", None),
        (FIRST, "app-msi-acrpull-secret", "app"),
        (FIRST, "acr-pull-x-msi-acrpull-secret", "acr-pull-x"),
        (FIRST, "acr-pull-app", None),
        (SECOND, "acr-pull-app", "app"),
        (SECOND, "", None),
    ],
)
def test_binding_name(api: Api, secret: str, binding: str | None) -> None:
    """The name of a Secret contains the name of its binding, unless another API made the name."""
    assert api.binding_name(secret) == binding


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: api.api_version)
def test_binding_name_behind_a_hash(api: Api) -> None:
    """A hash hides the name of a binding."""
    name = "a" * 245
    assert api.binding_name(api.secret_name(name)) != name


@pytest.mark.parametrize("api", UPSTREAM, ids=lambda api: api.api_version)
@pytest.mark.parametrize("binding", ["A", "", "a.", "-", "\ud800", "\ud800" * 300])
def test_awkward_names(api: Api, binding: str) -> None:
    """A name that no API server lets through makes one of ours, which is valid."""
    name = api.secret_name(binding)
    assert DNS_SUBDOMAIN.fullmatch(name)
    assert len(name) <= 253


@pytest.mark.parametrize("api", UPSTREAM, ids=lambda api: api.api_version)
def test_long_name(api: Api) -> None:
    """U6: a binding with a name too long for a label is parsed as any, for no label holds it."""
    spec = {"acrServer": SERVER} if api is FIRST else registry()
    name = "a" * (LABEL_VALUE + 1)
    binding = parse_binding(new_binding(api, spec, name), "parent")
    assert (binding.name, binding.uid) == (name, "uid-app")
    assert name in binding.secret_name


@pytest.mark.parametrize(
    ("spec", "parsed"),
    [
        ({"acrServer": SERVER}, Spec(SERVER, None, None)),
        ({"acrServer": ""}, Spec(None, None, None)),
        (
            {
                "acrServer": SERVER,
                "managedIdentityClientID": "",
                "managedIdentityResourceID": "",
                "scope": "",
                "serviceAccountName": "",
            },
            Spec(SERVER, None, None),
        ),
        (
            {"acrServer": SERVER, "managedIdentityClientID": CLIENT_ID},
            Spec(SERVER, Identity(CLIENT_ID), None),
        ),
        (
            {"acrServer": SERVER, "managedIdentityResourceID": f"{RESOURCE_ID}/"},
            Spec(SERVER, Identity(resource_id=RESOURCE_ID), None),
        ),
        (
            {
                "acrServer": SERVER,
                "managedIdentityClientID": CLIENT_ID,
                "managedIdentityResourceID": RESOURCE_ID,
            },
            Spec(SERVER, Identity(CLIENT_ID), None),
        ),
        ({"acrServer": SERVER, "scope": SCOPE}, Spec(SERVER, None, SCOPE)),
    ],
)
def test_first(spec: JSON, parsed: Spec) -> None:
    """Of v1beta1 an empty field is as good as none, and a client ID goes before a resource ID."""
    assert parse_binding(new_binding(FIRST, spec), "parent").spec == parsed


@pytest.mark.parametrize(
    ("spec", "account"),
    [({}, "default"), ({"serviceAccountName": ""}, "default"), ({"serviceAccountName": "x"}, "x")],
)
def test_first_service_account(spec: JSON, account: str) -> None:
    """Of v1beta1 no ServiceAccount is `default`."""
    assert parse_binding(new_binding(FIRST, spec), "parent").targets == (
        account and one_target(account)
    )


@pytest.mark.parametrize(
    ("spec", "parsed"),
    [
        (registry(), (None, "login.microsoftonline.com")),
        (registry(environment="PublicCloud"), (None, "login.microsoftonline.com")),
        (registry(environment="USGovernmentCloud"), (None, "login.microsoftonline.us")),
        (registry(environment="ChinaCloud"), (None, "login.chinacloudapi.cn")),
        (
            registry(
                environment="AirgappedCloud",
                cloudConfig={
                    "entraAuthorityHost": "https://Login.Example.com/",
                    "resourceManagerAudience": "https://arm.example.com",
                },
            ),
            ("https://arm.example.com", "login.example.com"),
        ),
    ],
)
def test_clouds(spec: JSON, parsed: tuple[str | None, str]) -> None:
    """U2: every cloud has its Entra; one without a name says that itself, and the audience."""
    found = parse_binding(new_binding(SECOND, spec), "parent")
    assert found.spec == Spec(SERVER, Identity(CLIENT_ID), SCOPE, *parsed)
    assert found.targets == one_target("build")


@pytest.mark.parametrize(
    ("spec", "identity"),
    [
        (login(managedIdentity={"resourceID": RESOURCE_ID}), Identity(resource_id=RESOURCE_ID)),
        (login(workloadIdentity={"serviceAccountRef": "x"}), WorkloadIdentity("x")),
        (
            login(workloadIdentity={"serviceAccountRef": "x", "clientID": "c", "tenantID": "t"}),
            WorkloadIdentity("x", "c", "t"),
        ),
    ],
)
def test_identities(spec: JSON, identity: Identity | WorkloadIdentity) -> None:
    """U1: whose token is exchanged is what serviceAccountRef says, whoever lists the Secret."""
    found = parse_binding(new_binding(SECOND, spec), "parent")
    assert isinstance(found.spec, Spec)
    assert found.spec.identity == identity
    assert found.targets == one_target("build")


def test_second_without_service_account() -> None:
    """Of v1beta2 no ServiceAccount is none."""
    parent = new_binding(SECOND, {})
    assert parse_binding(parent, "parent", "is wrong").targets is None


def test_words() -> None:
    """A message about a field names it as the spec does."""
    text = "spec.acrServer: 'x' is not allowed; correct spec.scope"
    named = "waiting for Secret acr-pull-spec.scope"
    assert SECOND.in_terms_of_api(named) == named
    other = "correct spec.workloadIdentity.serviceAccountName, or spec.workloadIdentity.clientID"
    assert FIRST.in_terms_of_api(text) == OURS.in_terms_of_api(text) == text
    assert (
        SECOND.in_terms_of_api(text)
        == "spec.acr.server: 'x' is not allowed; correct spec.acr.scope"
    )
    assert SECOND.in_terms_of_api(other) == (
        "correct spec.auth.workloadIdentity.serviceAccountRef, or "
        "spec.auth.workloadIdentity.clientID"
    )


@pytest.mark.parametrize(
    ("api", "audience", "told"),
    [
        (SECOND, "api://AzureADTokenExchange", True),
        (SECOND, "api://AzureCRTokenExchange", False),
        (FIRST, "api://AzureADTokenExchange", False),
        (OURS, "api://AzureADTokenExchange", False),
    ],
)
def test_audience_of_upstream(api: Api, audience: str, *, told: bool) -> None:
    """Identities of v1beta2's bindings most likely trust upstream's audience, without a command."""
    text = f"No credential. {CREATE_CREDENTIAL} az x --audiences {audience}"
    found = api.in_terms_of_api(text)
    first, _, rest = found.partition(". ")
    assert first == "No credential"
    assert ("SERVICE_ACCOUNT_TOKEN_AUDIENCE=api://AzureCRTokenExchange. " in rest) is told
    assert found.endswith(f"redential: az x --audiences {audience}")
    assert (found == text) is not told
    assert api.in_terms_of_api("waiting") == "waiting"
