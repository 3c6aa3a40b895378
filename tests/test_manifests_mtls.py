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


def test_no_file_is_forgotten() -> None:
    """Each is a patch, of an object in the install."""
    files = {path.name for path in MTLS.iterdir()} - {"kustomization.yaml"}
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


def test_probes_need_no_certificate() -> None:
    """They have a listener of their own in the install."""
    assert "HEALTH_BIND" in ENV
    assert not {"livenessProbe", "readinessProbe", "startupProbe"} & HOOKS.keys()
