"""examples/: the doctor finds no problem, and files about one thing agree."""

import re
import tomllib
from typing import Any, Final

import pytest
import yaml

from hooks.core.names import CLUSTER_KIND, FEDERATION_AUDIENCE, KIND
from hooks.version import VERSION
from tests.doctor import run
from tests.service import ROOT
from tests.test_manifests import CONTAINER, DEPLOYMENT, FOLDER

EXAMPLES: Final = ROOT / "examples"
FILES: Final = sorted(EXAMPLES.rglob("*.yaml"))
OBJECTS: Final[dict[str, list[Any]]] = {
    str(path.relative_to(EXAMPLES)): list(yaml.safe_load_all(path.read_text("utf-8")))
    for path in FILES
}
KINDS: Final = {KIND, CLUSTER_KIND}
WITH_BINDINGS: Final = [
    name for name, objects in OBJECTS.items() if KINDS & {obj["kind"] for obj in objects}
]
TOOLS: Final = sorted(OBJECTS.keys() - WITH_BINDINGS)
SERVERS: Final = "azurecr.io,127.0.0.1:5443"
IMAGE: Final = CONTAINER["image"]
POD: Final = DEPLOYMENT["template"]["spec"]


def spec(name: str, kind: str) -> dict[str, Any]:
    """Return the spec of the only object of *kind* in a file."""
    (obj,) = (obj for obj in OBJECTS[name] if obj["kind"] == kind)
    return dict(obj["spec"])


@pytest.mark.parametrize("name", WITH_BINDINGS)
def test_doctor(name: str) -> None:
    """The doctor accepts each binding under the lists of its Namespace."""
    namespaces = (EXAMPLES / "team/team-a.yaml").read_text("utf-8")
    files = f"{(EXAMPLES / name).read_text('utf-8')}\n---\n{namespaces.partition('---')[0]}"
    text = files if name != "team/team-a.yaml" else namespaces
    environ = {"WORKLOAD_IDENTITY": "enabled", "ALLOWED_ACR_SERVER_SUFFIXES": SERVERS}
    found = run("--output", "json", "-", stdin=text, environ=environ)
    assert found.code == 0, found.out
    bindings = [obj for obj in OBJECTS[name] if obj["kind"] in KINDS]
    assert len(found.report["bindings"]) == len(bindings) == 1


def test_identity_is_the_same_in_all_tools() -> None:
    """az, Bicep and Terraform let the ServiceAccount of the binding use the identity."""
    folder = EXAMPLES / "workload-identity"
    account = spec("workload-identity/team-a.yaml", KIND)["serviceAccountName"]
    bash, bicep, terraform = (
        (folder / f"identity.{ending}").read_text("utf-8") for ending in ("sh", "bicep", "tf")
    )
    subject = "system:serviceaccount"
    assert f"--subject {subject}:team-a:{account} " in bash
    assert f"'{subject}:${{namespace}}:${{serviceAccount}}'" in bicep
    assert f"param serviceAccount string = '{account}'" in bicep
    assert f'"{subject}:${{var.namespace}}:${{var.service_account}}"' in terraform
    assert re.search(rf'"service_account" \{{[^}}]*default = "{account}"', terraform)
    for text in (bash, bicep, terraform):
        assert FEDERATION_AUDIENCE in text
        assert "AcrPull" in text or "acrPull" in text


@pytest.mark.parametrize("name", TOOLS)
def test_paths_exist(name: str) -> None:
    """Flux and Argo CD find each folder and component."""
    for obj in OBJECTS[name]:
        found = obj.get("spec", {})
        found = found.get("source", found)
        if "path" in found:
            components = found.get("components", found.get("kustomize", {}).get("components", []))
            for folder in ("", *components):
                assert (ROOT / found["path"] / folder).is_dir()


def test_versions() -> None:
    """The install in the examples is the version of the manifests, with an image."""
    assert spec("flux/acrpull.yaml", "GitRepository")["ref"] == {"tag": f"v{VERSION}"}
    (image,) = spec("flux/acrpull.yaml", "Kustomization")["images"]
    assert (image["name"], image["newTag"]) == (IMAGE, VERSION)
    source = spec("argocd/acrpull.yaml", "Application")["source"]
    assert source["targetRevision"] == f"v{VERSION}"
    (renamed,) = source["kustomize"]["images"]
    assert re.fullmatch(rf"{re.escape(IMAGE)}=[\w./]+:{re.escape(VERSION)}", renamed)


def test_prune() -> None:
    """Bindings are pruned, but never the controllers, which bindings need for their deletion."""
    assert spec("flux/acrpull.yaml", "Kustomization")["prune"] is False
    assert spec("flux/team-a.yaml", "Kustomization")["prune"] is True
    install, team = OBJECTS["argocd/acrpull.yaml"][0], OBJECTS["argocd/team-a.yaml"][0]
    assert "finalizers" not in install["metadata"]
    assert install["spec"]["syncPolicy"]["automated"]["prune"] is False
    assert team["spec"]["syncPolicy"]["automated"]["prune"] is True
    assert "PrunePropagationPolicy=background" in team["spec"]["syncPolicy"]["syncOptions"]
    (finalizer,) = team["metadata"]["finalizers"]
    assert finalizer.endswith("/background")


def test_health() -> None:
    """Flux waits for bindings; the file with Argo CD's health check exists."""
    for name in ("flux/acrpull.yaml", "flux/team-a.yaml"):
        assert spec(name, "Kustomization")["wait"] is True
    text = (EXAMPLES / "argocd/acrpull.yaml").read_text("utf-8")
    (path,) = re.findall(r"metacontroller/(argocd/\S+\.yaml)", text)
    assert (FOLDER / path).exists()


def test_kind() -> None:
    """acrpull, the node and the binding find the emulator where its image listens."""
    folder = EXAMPLES / "kind"
    dockerfile = (folder / "Dockerfile").read_text("utf-8")
    imds, acr = re.findall(r"--(?:imds|acr)-port=(\d+)", dockerfile)
    server = f"127.0.0.1:{acr}"
    assert spec("kind/binding.yaml", KIND)["acrServer"] == server
    (container,) = spec("kind/pod.yaml", "Pod")["containers"]
    assert container["image"].startswith(f"{server}/")
    emulator = spec("kind/azure.yaml", "Deployment")["template"]["spec"]
    (volume,) = emulator["volumes"]
    (mount,) = emulator["containers"][0]["volumeMounts"]
    assert f'--directory={mount["mountPath"]}"' in dockerfile
    trust = tomllib.loads((folder / "hosts.toml").read_text("utf-8"))
    assert trust["server"] == f"https://{server}"
    assert trust["host"][trust["server"]]["ca"] == f"{volume['hostPath']['path']}/ca.crt"
    *_, patch = OBJECTS["kind/kustomization.yaml"][0]["patches"]
    acrpull = yaml.safe_load(patch["patch"])["spec"]["template"]["spec"]
    assert acrpull["volumes"][0]["hostPath"]["path"] == volume["hostPath"]["path"]
    (hooks,) = acrpull["containers"]
    assert {variable["name"]: variable["value"] for variable in hooks["env"]} == {
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{imds}",
        "ALLOWED_ACR_SERVER_SUFFIXES": server,
        "REQUESTS_CA_BUNDLE": f"{hooks['volumeMounts'][0]['mountPath']}/ca.crt",
    }


def test_hook_token_is_made_once() -> None:
    """External Secrets makes the Secret of the install, and never a second token.

    external-secrets@cc5bfbc2234a:pkg/controllers/externalsecret/externalsecret_controller.go
    """
    found = spec("hook-token/external-secrets.yaml", "ExternalSecret")
    assert found["refreshPolicy"] == "CreatedOnce"
    assert found["target"]["creationPolicy"] == "Orphan"
    assert found["target"]["template"]["data"].keys() == {"token"}
    (sealed,) = OBJECTS["hook-token/sealed-secrets.yaml"]
    (name,) = (
        volume["secret"]["secretName"]
        for volume in POD["volumes"]
        if volume["name"] == "hook-token"
    )
    assert found["target"]["name"] == sealed["metadata"]["name"] == name
    assert sealed["spec"]["encryptedData"].keys() == {"token"}


def test_readme() -> None:
    """The page has a link to each file, and each link leads to a file."""
    page = (EXAMPLES / "README.md").read_text("utf-8")
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", page)}
    assert [link for link in links if not (EXAMPLES / link).exists()] == []
    files = {p.relative_to(EXAMPLES) for p in EXAMPLES.rglob("*") if p.is_file()}
    assert {str(file) for file in files} - {"README.md"} == {x for x in links if ".." not in x}
