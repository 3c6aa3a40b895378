"""The doctor's output and exit codes."""

import json
import re

import pytest
import yaml

from tests.doctor import GUID, SERVER, examine, listed, manifest, namespace, run, thing, upstream
from tests.service import ROOT

GOOD = manifest(acrServer=SERVER, managedIdentityClientID=GUID)
WORKLOAD = {"WORKLOAD_IDENTITY": "enabled", "UPSTREAM_APIS": "enabled"}


def test_good_binding() -> None:
    """The result comes first, then the commands to grant access, in at most 15 lines."""
    done = run("-", stdin=GOOD)
    assert done.code == 0
    assert (
        done.out
        == f"""\
ACRPullBinding team-a/app: OK
  Secret          acr-pull-app, for myregistry.azurecr.io
  ServiceAccount  default, which will list acr-pull-app in imagePullSecrets
  Identity        client ID {GUID}
note: Namespace team-a is not in this file, so its allow-lists were not checked.

Grant access:
  # In ABAC mode (az acr show -n myregistry --query roleAssignmentMode), \
the role is Container Registry Repository Reader.
  az role assignment create --role AcrPull --assignee {GUID} \\
    --scope "$(az acr show -n myregistry --query id -o tsv)"
  NODES="$(az aks show -g GROUP -n CLUSTER --query nodeResourceGroup -o tsv)"
  az vmss list -g "$NODES" --query '[].name' -o tsv  # SCALE_SET: each that can run acrpull's Pods
  az vmss identity assign -g "$NODES" -n SCALE_SET \\
    --identities "$(az identity list --query "[?clientId=='{GUID}'].id" -o tsv)"
  az vmss update-instances -g "$NODES" -n SCALE_SET --instance-ids '*'
"""
    )


@pytest.mark.parametrize(
    ("text", "environ", "verdict"),
    [
        (GOOD, {}, "OK"),
        (manifest(acrServer="X"), {}, "invalid (the API server would reject it)"),
        (manifest(acrServer="registry.example.com", managedIdentityClientID=GUID), {}, "not ready"),
        (upstream(auth={"managedIdentity": {"clientID": "x"}}), {}, "not ready"),
        (GOOD + thing("Secret", "acr-pull-app"), {}, "not ready"),
    ],
    ids=["good", "rejected", "refused", "accepted", "conflict"],
)
def test_verdict(text: str, environ: dict[str, str], verdict: str) -> None:
    """The first line has the verdict. The exit code is 1 for a problem."""
    done = run("-", stdin=text, environ=environ)
    first, *others = done.out.splitlines()
    assert first.partition("team-a/app: ")[2] == verdict
    assert done.code == (verdict != "OK")
    assert ("Grant access:" in others) == (verdict == "OK")


def test_nameless() -> None:
    """The text does not show the Namespace's name for a binding without a name."""
    text = GOOD.replace("  name: app\n", "")
    assert "ACRPullBinding team-a/without a name: invalid" in run("-", stdin=text).out


def test_service_defaults() -> None:
    """The text marks the service's defaults."""
    environ = {"ACR_SERVER": SERVER, "MANAGED_IDENTITY_CLIENT_ID": GUID}
    done = run("-", stdin=manifest(), environ=environ)
    assert "acr-pull-app, for myregistry.azurecr.io (the service's default)\n" in done.out
    assert f"client ID {GUID} (the service's default)\n" in done.out


@pytest.mark.parametrize(
    ("names", "row"),
    [
        pytest.param(
            ["b", "default", "a"],
            "a, b, which will list acr-pull-app in imagePullSecrets; default, which will not be "
            "changed",
            id="names",
        ),
        pytest.param(
            ["*"],
            "every ServiceAccount of the Namespace will list acr-pull-app in imagePullSecrets",
            id="every",
        ),
        pytest.param([], "none", id="none"),
    ],
)
def test_several_accounts(names: list[str], row: str) -> None:
    """The text names the ServiceAccounts that will list the Secret, and the others."""
    binding = manifest(acrServer=SERVER, managedIdentityClientID=GUID, serviceAccountNames=names)
    owner = {"apiVersion": "x.io/v1", "kind": "Operator", "name": "shop", "uid": "x"}
    account = thing("ServiceAccount", "default", ownerReferences=[{**owner, "controller": True}])
    assert f"  ServiceAccount  {row}\n" in run("-", stdin=binding + account).out


def test_unchanged_account() -> None:
    """The text says that acrpull does not change the ServiceAccount of another controller."""
    owner = {"apiVersion": "x.io/v1", "kind": "Operator", "name": "shop", "uid": "x"}
    account = thing("ServiceAccount", "default", ownerReferences=[{**owner, "controller": True}])
    done = run("-", stdin=GOOD + account)
    assert "  ServiceAccount  default, which will not be changed\n" in done.out
    assert "  note: ServiceAccount default belongs to Operator shop" in done.out


def test_verbose() -> None:
    """With --verbose, the text has the requests and the resulting objects."""
    text = manifest(acrServer=SERVER, managedIdentityClientID=GUID, scope="repository:app:pull")
    done = run("--verbose", "-", stdin=text)
    assert (
        "  Requests that acrpull will send\n    imds      GET http://169.254.169.254/" in done.out
    )
    assert f"\n    token     POST https://{SERVER}/oauth2/token\n" in done.out
    assert "                scope = repository:app:pull\n" in done.out
    assert "  Resulting objects\n    Secret          team-a/acr-pull-app\n" in done.out
    assert "imagePullSecrets: the existing entries, and acr-pull-app\n" in done.out
    assert len(run("-", stdin=text).out.splitlines()) < len(done.out.splitlines())


def test_each_command_once() -> None:
    """Bindings with the same identity and registry share the commands."""
    other = GUID.replace("1", "2")
    text = "".join(
        manifest(name, acrServer=SERVER, managedIdentityClientID=identity)
        for name, identity in (("a", GUID), ("b", GUID), ("c", other))
    )
    lines = run("-", stdin=text).out.splitlines()
    for start, times in (
        ("  az role assignment create", 2),
        ("  NODES=", 1),
        ("  az vmss identity assign", 2),
        ("  az vmss update-instances", 1),
    ):
        assert len([line for line in lines if line.startswith(start)]) == times
    assert lines[-1].startswith("  az vmss update-instances")


def test_commands_for_each_cloud() -> None:
    """The commands for registries of a cloud follow the command to set the cloud."""
    text = "".join(
        manifest(domain, acrServer=f"myregistry.azurecr.{domain}", managedIdentityClientID=GUID)
        for domain in ("us", "io", "us")
    )
    lines = run("-", stdin=text).out.splitlines()
    found = [line.split()[1] for line in lines if line.startswith(("  az cloud", "  az role"))]
    assert found == ["role", "cloud", "role"]


def test_federated_credentials() -> None:
    """The commands look up an identity once and create a credential for each ServiceAccount."""
    workload = {"serviceAccountRef": "a", "clientID": GUID, "tenantID": GUID}
    text = "".join(
        upstream(name, auth={"workloadIdentity": {**workload, "serviceAccountRef": name}})
        for name in "ab"
    )
    out = run("-", stdin=text, environ=WORKLOAD).out
    for words, times in (("ISSUER=", 1), ("az identity list", 1), ("credential create", 2)):
        assert out.count(words) == times


def test_other_objects_are_ignored() -> None:
    """The report names other objects, and has the bindings in a List."""
    others = "kind: ConfigMap\nmetadata: {name: a, namespace: b}\n---\nkind: Thing\n---\n"
    items = [
        yaml.safe_load(manifest(n, acrServer=SERVER, managedIdentityClientID=GUID)) for n in "xy"
    ]
    text = others + listed(*items)
    report = examine(text)
    assert report["ignored"] == ["ConfigMap b/a", "Thing"]
    assert [binding["name"] for binding in report["bindings"]] == ["x", "y"]
    assert "\nignored: ConfigMap b/a, Thing\n" in run("-", stdin=text).out


@pytest.mark.parametrize(
    ("arguments", "stdin", "environ", "error"),
    [
        (["no/such/file"], "", {}, "no/such/file: No such file or directory"),
        (["hooks"], "", {}, "hooks: Is a directory"),
        (["-"], "", {}, "- contains no ACRPullBinding (file is empty)\n"),
        (["-"], "kind: Pod", {}, "- contains no ACRPullBinding, only Pod\n"),
        (["-"], namespace(), {}, "- contains no ACRPullBinding, only Namespace team-a\n"),
        (["-"], thing("Secret", "x"), {}, "only Secret team-a/x\n"),
        (["-"], manifest(), {"TOKEN_AUDIENCE": "x"}, "TOKEN_AUDIENCE: "),
        (["--output", "xml", "-"], "", {}, "invalid choice: 'xml'"),
        ([], "", {}, "the following arguments are required: BINDING.yaml"),
    ],
)
def test_usage(arguments: list[str], stdin: str, environ: dict[str, str], error: str) -> None:
    """A usage error is on stderr, with exit code 2."""
    done = run(*arguments, stdin=stdin, environ=environ)
    assert (done.code, done.out) == (2, "")
    assert error in done.err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: b: c\n", "line 1, column 5: mapping values are not allowed in this context"),
        ("5\n", "document 1: not an object. Use, for example, kind: ACRPullBinding"),
        ("a: 1\n", "document 1: kind is missing. Set it, for example kind: ACRPullBinding"),
        (
            "{apiVersion: v1, kind: Namespace}",
            "document 1: Namespace.metadata: expected an object, e.g. {}",
        ),
        (
            namespace().replace("{}", "{acrpull.dev/allowed-identities: 1}"),
            "document 1: Namespace.metadata.annotations.acrpull.dev/allowed-identities: "
            'expected a string, e.g. "app"',
        ),
    ],
)
def test_problems_of_the_file(text: str, problem: str) -> None:
    """A problem of the file is in the report, as text and as JSON, with exit code 1."""
    done = run("-", stdin=text)
    assert (done.code, done.out) == (1, f"-: {problem}\n")
    report = run("-", "--output", "json", stdin=text).report
    assert (report["ok"], report["problems"], report["bindings"]) == (False, [problem], [])


def test_escape_sequences() -> None:
    """The text shows an escape sequence or a lone surrogate in a name as an escape."""
    done = run("-", stdin=json.dumps({"kind": "\x1b[31mPod"}) + "\n")
    assert "\x1b" not in done.err
    text = json.dumps({"kind": "ACRPullBinding", "metadata": {"name": "\x1b[31m\ud800"}})
    done = run("-", stdin=text)
    assert done.out.startswith(
        "ACRPullBinding \\u001b[31m\\ud800: invalid (the API server would reject it)\n"
    )


def test_help_has_an_example_and_the_keys() -> None:
    """The help lists every key of the report."""
    done = run("--help")
    assert done.code == 0
    assert "\n  python -m hooks.doctor binding.yaml\n" in done.out
    report = run("crds/samples/accepted/client-id.yaml", "--output", "json").report
    keys = {*report, *report["bindings"][0], *report["bindings"][0]["commands"]}
    text = done.out.partition("keys of --output json")[2]
    assert {key for key in keys if key not in text} == set()


def test_readme() -> None:
    """README's command succeeds as written, and its output fits on a screen."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (file,) = re.findall(r"(?m)^make doctor FILE=(\S+)", readme)
    done = run(file)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ACRPullBinding default/client-id: OK\n")
    assert len(done.out.splitlines()) <= 16
