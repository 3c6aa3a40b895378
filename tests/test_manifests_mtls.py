"""metacontroller/mtls/ against the install that it is put on; rendered in tests/e2e."""

from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.test_manifests import CONTAINER, ENV, FOLDER, OBJECTS, load, load_all, patched

MTLS: Final = FOLDER / "mtls"
(KUSTOMIZATION,) = load(MTLS / "kustomization.yaml")
TARGETS: Final = patched(KUSTOMIZATION)
PATCHES: Final = load_all(MTLS / path for path in TARGETS)
POD: Final = PATCHES["Deployment", "acrpull"]["spec"]["template"]["spec"]
(HOOKS,) = POD["containers"]
CONTROLLERS: Final = [key for key in PATCHES if key[0].endswith("Controller")]
SERVER: Final = "acrpull-tls"
CLIENT: Final = "acrpull-metacontroller-tls"
CERT_MANAGER: Final = load_all([MTLS / "cert-manager/certificates.yaml"])
CERTIFICATES: Final = {
    name: obj["spec"] for (kind, name), obj in CERT_MANAGER.items() if kind == "Certificate"
}
YEAR_HOURS: Final = 8760


def test_no_file_is_forgotten() -> None:
    """Each is a patch, of an object in the install."""
    files = {path.name for path in MTLS.iterdir()} - {"kustomization.yaml", "cert-manager"}
    assert TARGETS.keys() == files
    assert set(PATCHES) <= set(OBJECTS)
    assert len(CONTROLLERS) == 4


def test_nothing_changes_with_dedicated() -> None:
    """Each patch selects objects without the label of the component `dedicated`."""
    dedicated = load_all(
        FOLDER / f"dedicated/{name}.yaml"
        for name in ("deployment", "composite", "cluster", "decorator", "takeover")
    )
    assert dedicated.keys() == PATCHES.keys()
    for patch in dedicated.values():
        (label,) = patch["metadata"]["labels"]
        assert {target["labelSelector"] for target in TARGETS.values()} == {f"!{label}"}


@pytest.mark.parametrize("key", CONTROLLERS)
def test_hooks_are_asked_over_tls(key: tuple[str, str]) -> None:
    """Each hook of the install is, where it was, with a certificate; it stays with its token."""
    patched, base = PATCHES[key]["spec"]["hooks"], OBJECTS[key]["spec"]["hooks"]
    assert patched.keys() == base.keys()
    for name, hook in patched.items():
        url = urlsplit(base[name]["webhook"]["url"])._replace(scheme="https").geturl()
        assert hook == {
            "webhook": {
                "url": url,
                "caBundle": {"secretRef": {**ref(SERVER), "key": "ca.crt"}},
                "clientTLS": {"secretRef": ref(CLIENT)},
            }
        }


def ref(name: str) -> dict[str, Any]:
    """Return what refers to the Secret *name* of the install's Namespace."""
    return {"name": name, "namespace": OBJECTS["Deployment", "acrpull"]["metadata"]["namespace"]}


def test_files_are_mounted() -> None:
    """The settings name the Secret's keys where it is mounted, apart from the hook token."""
    (volume,), (mount,) = POD["volumes"], HOOKS["volumeMounts"]
    assert volume["secret"]["secretName"] == SERVER
    assert mount["name"] == volume["name"]
    assert {variable["name"]: variable["value"] for variable in HOOKS["env"]} == {
        "TLS_CERT_FILE": f"{mount['mountPath']}/tls.crt",
        "TLS_KEY_FILE": f"{mount['mountPath']}/tls.key",
        "CLIENT_CA_FILE": f"{mount['mountPath']}/ca.crt",
    }
    assert HOOKS["name"] == CONTAINER["name"]
    assert mount["mountPath"] not in {m["mountPath"] for m in CONTAINER["volumeMounts"]}


def test_cert_manager_makes_the_secrets() -> None:
    """cert-manager issues both Secrets from one CA, for the name that Metacontroller calls."""
    assert CERTIFICATES.keys() == {"acrpull-ca", SERVER, CLIENT}
    assert all(spec["secretName"] == name for name, spec in CERTIFICATES.items())
    assert CERT_MANAGER["Issuer", "acrpull-ca"]["spec"] == {"ca": {"secretName": "acrpull-ca"}}
    for name, usage in ((SERVER, "server auth"), (CLIENT, "client auth")):
        assert CERTIFICATES[name]["issuerRef"] == {"name": "acrpull-ca", "kind": "Issuer"}
        assert usage in CERTIFICATES[name]["usages"]
    (url,) = {
        urlsplit(hook["webhook"]["url"]).hostname
        for key in CONTROLLERS
        for hook in PATCHES[key]["spec"]["hooks"].values()
    }
    assert CERTIFICATES[SERVER]["dnsNames"] == [url]


def test_certificates_survive_a_renewal() -> None:
    """Metacontroller has a year to read its new certificate; the CA outlives what it signs."""
    duration, before = (
        {name: int(spec[field].removesuffix("h")) for name, spec in CERTIFICATES.items()}
        for field in ("duration", "renewBefore")
    )
    assert before[CLIENT] >= YEAR_HOURS
    assert before["acrpull-ca"] > max(duration[SERVER], duration[CLIENT])
    assert CERTIFICATES["acrpull-ca"]["privateKey"]["rotationPolicy"] == "Never"


def test_probes_need_no_certificate() -> None:
    """They have a listener of their own in the install."""
    assert "HEALTH_BIND" in ENV
    assert not {"livenessProbe", "readinessProbe", "startupProbe"} & HOOKS.keys()
