"""A binding becomes a pull Secret, and an image is pulled with it: `make demo`, `make run`.

The service is the real one, in processes of its own. Azure is the emulator; Metacontroller, the API
server and the container runtime are played here.
"""

import base64
import hashlib
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import requests
import yaml

from tests.emulator import Emulator
from tests.service import ROOT, Service, clean_environment

JSON = dict[str, Any]

SAMPLE: Final = ROOT / "crds/samples/accepted/client-id.yaml"
REPOSITORY: Final = "team/app"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
TIMEOUT_SECONDS: Final = 10  # as long as Metacontroller waits for a hook
SHOWN: Final = 8  # characters of a token


class DemoFailed(Exception):
    """Something did not work; the text says what."""


def main() -> int:
    """Run the demo; return the exit code."""
    parser = ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep service and emulator running")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind a shell's `&`
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        with Emulator() as emulator, Service(emulator.environment()) as service:
            try:
                show(emulator, service)
            except Exception:
                print(f"\nThe service's log:\n{service.log}", file=sys.stderr)
                raise
            if keep:
                show_commands(emulator, service)
                with suppress(KeyboardInterrupt):
                    threading.Event().wait()
    except (DemoFailed, requests.RequestException) as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted: service and emulator are stopped.", file=sys.stderr)
        return 128 + signal.SIGINT
    print("Service and emulator are stopped.")
    return 0


def show(emulator: Emulator, service: Service) -> None:
    """Send a binding, print what comes of it, and pull with it. Raises `DemoFailed`."""
    url, binding = f"{service.url}/sync", sample(emulator.acr_server)
    title(f"1. The service runs at {service.url}, and an emulated Azure. Send it a binding:")
    text = json.dumps({"parent": binding}, indent=2)
    print(shlex.join(curl(url, text)))
    answer = send(url, text)
    secret, account = child(answer, "Secret"), child(answer, "ServiceAccount")
    title("2. The Secret it answers, decoded, the token cut:")
    print(yaml.safe_dump(readable(secret), sort_keys=False), end="")
    title("3. The ServiceAccount:")
    print(yaml.safe_dump(account, sort_keys=False), end="")
    title(f"4. resyncAfterSeconds: {answer['resyncAfterSeconds']}; {ready(answer)}")
    print("Sent again with both in place, as Metacontroller does:")
    print(resync(emulator, url, binding, answer))
    title(f"5. Pull {emulator.acr_server}/{REPOSITORY}:latest with that docker config:")
    for step in pull(emulator, docker_config(secret)):
        print(step)
    print()


def title(text: str) -> None:
    """Begin a section; flushed, so that it is seen before what takes time."""
    print(f"\n{text}\n", flush=True)


def sample(server: str, **spec: str) -> JSON:
    """Return the sample binding, for *server*, as it comes from the API server."""
    binding: JSON = yaml.safe_load(SAMPLE.read_text("utf-8"))
    uid = "9eb1d86c-0ba6-4fcb-ba47-dfc67be133d8"
    binding["metadata"] |= {"namespace": "default", "uid": uid, "generation": 1}
    binding["spec"] |= {"acrServer": server, **spec}
    return binding


def curl(url: str, text: str) -> list[str]:
    """Return the command that posts *text* to *url*."""
    return ["curl", "-sS", url, "-d", text]


def send(url: str, text: str) -> JSON:
    """Post *text* with curl, where there is one; return the decoded answer."""
    if shutil.which("curl"):
        done = subprocess.run(  # noqa: S603  the command is our own
            [*curl(url, text), "--max-time", str(TIMEOUT_SECONDS)],
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        body = done.stdout or done.stderr
    else:
        with requests.Session() as session:
            session.trust_env = False
            body = session.post(url, data=text, timeout=TIMEOUT_SECONDS).text
    try:
        answer: JSON = json.loads(body)
    except ValueError as error:
        raise DemoFailed(f"{url} answers no JSON: {body}") from error
    if "error" in answer:
        raise DemoFailed(f"{url}: {answer['error']}")
    return answer


def child(answer: JSON, kind: str) -> JSON:
    """Return the one child of *kind* in *answer*."""
    found = [obj for obj in answer["children"] if obj["kind"] == kind]
    if len(found) != 1:
        raise DemoFailed(f"{len(found)} children are a {kind}, not 1; status: {answer['status']}")
    return dict(found[0])


def docker_config(secret: JSON) -> JSON:
    """Return the decoded `.dockerconfigjson`: {"auths": {server: {username, password, auth}}}."""
    return dict(json.loads(base64.b64decode(secret["data"][".dockerconfigjson"])))


def readable(secret: JSON) -> JSON:
    """Return *secret* with its docker config decoded, and nothing in it that lets anyone in."""
    config = docker_config(secret)
    for entry in config["auths"].values():
        for key in ("password", "auth"):
            entry[key] = f"{entry[key][:SHOWN]}... ({len(entry[key])} characters)"
    return secret | {"data": {".dockerconfigjson": config}}


def ready(answer: JSON) -> str:
    """Return the Ready condition in one line."""
    (found,) = (c for c in answer["status"]["conditions"] if c["type"] == "Ready")
    return (
        f"Ready={found['status']}, {': '.join(filter(None, (found['reason'], found['message'])))}"
    )


def observed(binding: JSON, answer: JSON) -> JSON:
    """Return the body that follows *answer*: its children made, its status stored."""
    children: JSON = {"Secret.v1": {}, "ServiceAccount.v1": {}}
    for obj in answer["children"]:
        name = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
        children[f"{obj['kind']}.{obj['apiVersion']}"][name] = obj
    return {"parent": binding | {"status": answer["status"]}, "children": children}


def resync(emulator: Emulator, url: str, binding: JSON, answer: JSON) -> str:
    """Send *answer* back as observed; return what came of it. Raises `DemoFailed`."""
    before = len(emulator.requests)
    again = send(url, json.dumps(observed(binding, answer)))
    calls, same = len(emulator.requests) - before, child(again, "Secret") == child(answer, "Secret")
    text = f"{'the same' if same else 'another'} Secret, {calls} calls to Azure, {ready(again)}"
    if calls or not same or not ready(again).startswith("Ready=True"):
        raise DemoFailed(text)
    return text


def pull(emulator: Emulator, config: JSON) -> Iterator[str]:
    """Pull the image as a container runtime does, yielding a line a step. Raises `DemoFailed`.

    https://distribution.github.io/distribution/spec/auth/token/
    """
    ((server, entry),) = config["auths"].items()
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(emulator.ca_file)
        base, path = f"https://{server}", f"/v2/{REPOSITORY}/manifests/latest"
        asked = get(session, base + path, 401).headers["WWW-Authenticate"]
        realm, query = parse_challenge(asked)
        yield f"GET {path}: 401, asks for a token with scope {query.get('scope')}"
        basic = (entry["username"], entry["password"])
        token = get(session, realm, 200, params=query, auth=basic).json()["access_token"]
        yield f"GET {realm} with user and password: 200, a token"
        session.headers.update(Authorization=f"Bearer {token}", Accept=MANIFEST_TYPE)
        answer = get(session, base + path, 200)
        named = answer.headers["Docker-Content-Digest"]
        yield f"GET {path} with that token: {checked(answer, named)}"
        manifest = answer.json()
        for blob in (manifest["config"], *manifest["layers"]):
            path = f"/v2/{REPOSITORY}/blobs/{blob['digest']}"
            yield f"GET {path[:32]}...: {checked(get(session, base + path, 200), blob['digest'])}"


def get(session: requests.Session, url: str, status: int, **options: Any) -> requests.Response:  # noqa: ANN401  requests'
    """Return the answer to GET *url*. Raises `DemoFailed`: its status is not *status*."""
    answer = session.get(url, timeout=TIMEOUT_SECONDS, **options)
    if answer.status_code != status:
        raise DemoFailed(f"GET {url}: HTTP {answer.status_code}, expected {status}")
    return answer


def parse_challenge(text: str) -> tuple[str, dict[str, str]]:
    """Return the realm of *text*, `Bearer realm="...",service="...",scope="..."`, and the rest."""
    parts = dict(re.findall(r'(\w+)="([^"]*)"', text))
    return parts.pop("realm"), parts


def checked(answer: requests.Response, digest: str) -> str:
    """Return what there is to say of *answer*. Raises `DemoFailed`: its digest is not *digest*."""
    if "sha256:" + hashlib.sha256(answer.content).hexdigest() != digest:
        raise DemoFailed(f"GET {answer.url}: the body's digest is not {digest}")
    return f"200, {len(answer.content)} bytes, whose digest is right"


def show_commands(emulator: Emulator, service: Service) -> None:
    """Print where things are, and commands to paste."""
    title("Service and emulator keep running until Ctrl-C.")
    print(f"service   {service.url}, log: tail -f {service.log_file}")
    print(f"IMDS      {emulator.imds_url}")
    print(f"registry  https://{emulator.acr_server}\n")
    for name, value in emulator.environment().items():
        print(f"{name}={shlex.quote(value)}")
    for comment, url, body in commands(emulator, service):
        print(f"\n# {comment}\n{shlex.join(curl(url, json.dumps(body)))}")
    print(end="", flush=True)


def commands(emulator: Emulator, service: Service) -> Iterator[tuple[str, str, JSON]]:
    """Yield what to try: a comment, a URL and the body to post to it."""
    url, binding = service.url, sample(emulator.acr_server)
    account = {"metadata": {"name": "default", "namespace": "default"}}
    related = {"ACRPullBinding.acrpull.dev/v1beta1": {"default/client-id": binding}}
    deleted = binding["metadata"] | {"deletionTimestamp": "2026-11-23T12:00:00Z"}
    yield "What the answers for a binding depend on:", f"{url}/customize", {"parent": binding}
    gone = {"parent": binding | {"metadata": deleted}, "finalizing": True}
    yield "Whether a deleted binding may go:", f"{url}/finalize", gone
    body = {"object": account, "related": related}
    yield "Label and annotation for a ServiceAccount:", f"{url}/serviceaccount/sync", body
    fault = {"endpoint": "exchange", "name": "no_role", "times": 1}
    yield "Let the registry refuse once;", f"{emulator.imds_url}/_emulator/faults", fault
    other = {"parent": sample(emulator.acr_server, scope=f"repository:{REPOSITORY}:pull")}
    yield "and ask for a token that is not in memory:", f"{url}/sync", other


if __name__ == "__main__":
    sys.exit(main())
