"""The parts that the demo plays itself: Metacontroller's calls and a container runtime's pull."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import requests
import yaml

from tests.service import ROOT

JSON = dict[str, Any]

SAMPLE: Final = ROOT / "crds/samples/accepted/client-id.yaml"
REPOSITORY: Final = "team/app"  # the emulated registry contains one image in each repository
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
TIMEOUT_SECONDS: Final = 10  # Metacontroller's default timeout for a hook


class DemoFailed(Exception):
    """A call returned an unexpected response; the text names the call and the response."""


def sample(server: str, **spec: str) -> JSON:
    """Return the sample binding for the registry *server*, with the fields of the API server.

    *spec* adds fields to the binding's spec, or replaces fields.
    """
    binding: JSON = yaml.safe_load(SAMPLE.read_text("utf-8"))
    uid = "9eb1d86c-0ba6-4fcb-ba47-dfc67be133d8"
    binding["metadata"] |= {"namespace": "default", "uid": uid, "generation": 1}
    binding["spec"] |= {"acrServer": server, **spec}
    return binding


def call_hook(url: str, body: JSON) -> JSON:
    """Return acrpull's response to POST *body*. Raises `DemoFailed` unless it is HTTP 200."""
    with requests.Session() as session:
        session.trust_env = False
        response = session.post(url, json=body, timeout=TIMEOUT_SECONDS)
    if response.status_code != requests.codes.ok:
        raise DemoFailed(f"POST {url} returned HTTP {response.status_code}: {response.text}")
    answer: JSON = response.json()
    return answer


def observed(binding: JSON, answer: JSON) -> JSON:
    """Return the body of Metacontroller's next call, after it has applied *answer*."""
    children: JSON = {"Secret.v1": {}, "ServiceAccount.v1": {}}
    for obj in answer["children"]:
        children[f"{obj['kind']}.{obj['apiVersion']}"][full_name(obj)] = obj
    return {"parent": binding | {"status": answer["status"]}, "children": children}


def child(answer: JSON, kind: str) -> JSON:
    """Return the desired object of *kind* in *answer*. Raises `DemoFailed` if there is none."""
    found = [obj for obj in answer["children"] if obj["kind"] == kind]
    if len(found) != 1:
        text = f"acrpull returned {len(found)} objects of kind {kind} instead of 1."
        raise DemoFailed(f"{text} {readiness(answer)}")
    return dict(found[0])


def full_name(obj: JSON) -> str:
    """Return `<namespace>/<name>` of *obj*."""
    return "{namespace}/{name}".format(**obj["metadata"])


def readiness(answer: JSON) -> str:
    """Return the Ready condition of *answer* in one line, which begins `Ready=<status>`."""
    (found,) = (c for c in answer["status"]["conditions"] if c["type"] == "Ready")
    message = f": {found['message']}" if found["message"] else ""
    return f"Ready={found['status']}, reason {found['reason']}{message}"


def docker_config(secret: JSON) -> JSON:
    """Return *secret*'s decoded `.dockerconfigjson`: {"auths": {server: {username, password}}}."""
    return dict(json.loads(base64.b64decode(secret["data"][".dockerconfigjson"])))


def pull(secret: JSON, ca_file: Path) -> int:
    """Pull the image with *secret* as a container runtime does; return the bytes received.

    Raises `DemoFailed` if a response has another status or digest than the protocol requires.
    https://distribution.github.io/distribution/spec/auth/token/
    """
    ((server, entry),) = docker_config(secret)["auths"].items()
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(ca_file)
        repository = f"https://{server}/v2/{REPOSITORY}"
        url = f"{repository}/manifests/latest"
        realm, query = parse_challenge(get(session, url, 401).headers["WWW-Authenticate"])
        basic = (entry["username"], entry["password"])
        token = get(session, realm, 200, params=query, auth=basic).json()["access_token"]
        session.headers.update(Authorization=f"Bearer {token}", Accept=MANIFEST_TYPE)
        response = get(session, url, 200)
        size = verified_size(response, response.headers["Docker-Content-Digest"])
        for digest in blob_digests(response.json()):
            size += verified_size(get(session, f"{repository}/blobs/{digest}", 200), digest)
    return size


def get(session: requests.Session, url: str, status: int, **options: Any) -> requests.Response:  # noqa: ANN401  requests' own
    """Return the response to GET *url*. Raises `DemoFailed` unless it has *status*."""
    response = session.get(url, timeout=TIMEOUT_SECONDS, **options)
    if response.status_code != status:
        raise DemoFailed(f"GET {url} returned HTTP {response.status_code} instead of {status}.")
    return response


def parse_challenge(text: str) -> tuple[str, dict[str, str]]:
    """Return the realm of *text*, `Bearer realm="...",service="...",scope="..."`, and the rest."""
    parts = dict(re.findall(r'(\w+)="([^"]*)"', text))
    return parts.pop("realm"), parts


def blob_digests(manifest: JSON) -> Iterator[str]:
    """Yield the digests of the config and of each layer."""
    for blob in (manifest["config"], *manifest["layers"]):
        yield blob["digest"]


def verified_size(response: requests.Response, digest: str) -> int:
    """Return the length of *response*. Raises `DemoFailed` unless its digest is *digest*."""
    actual = "sha256:" + hashlib.sha256(response.content).hexdigest()
    if actual != digest:
        raise DemoFailed(f"GET {response.url} returned digest {actual} instead of {digest}.")
    return len(response.content)
