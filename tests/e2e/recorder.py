"""A proxy between Metacontroller and the service, and a record of all hook calls."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

from hooks.core.names import UID_LABEL
from hooks.server.body import MAX_BODY_BYTES
from tests.emulator.delivery import Delivery
from tests.emulator.fault import Fault
from tests.emulator.message import Request, Response
from tests.emulator.server import LoopbackServer
from tests.fleet import check_fleet
from tests.service import ServiceFailed

TIMEOUT_SECONDS: Final = 15
AT_ONCE: Final = 100  # more than Metacontroller's concurrent calls
PASSED_ON: Final = ("authorization", "content-type")
PASSED_BACK: Final = ("Content-Type", "Retry-After")


@dataclass(frozen=True)
class Exchange:
    """One hook call; `at` is its Unix time, and `answer` is {} after a failure."""

    path: str
    request: dict[str, Any]
    status: int
    answer: dict[str, Any]
    at: float

    def check(self) -> None:
        """Check that the answer contains the objects that Metacontroller must not delete."""
        if self.path in {"/sync", "/finalize"} and self.status == requests.codes.ok:
            observed = set(self.request["children"].get("ServiceAccount.v1", ()))
            children = (c for c in self.answer["children"] if c["kind"] == "ServiceAccount")
            named = (c["metadata"] for c in children)
            assert observed <= {f"{m['namespace']}/{m['name']}" for m in named}
        if self.path == "/clusterbinding/sync" and self.status == requests.codes.ok:
            check_fleet(self.request, self.answer)

    def line(self) -> str:
        """Return a line about the call, to find the cause of a failure."""
        asked = self.request.get("object") or self.request["parent"]
        children = (self.request.get("children") or {}).get("ServiceAccount.v1", {}).values()
        conditions = self.answer.get("status", {}).get("conditions", [])
        kept = ("labels", "annotations", "resyncAfterSeconds", "finalized")
        shown = {
            "about": _summary(asked),
            "children": [_summary(child) for child in children],
            "conditions": {c["type"]: f"{c['status']}/{c['reason']}" for c in conditions},
            **{key: self.answer[key] for key in kept if key in self.answer},
        }
        return f"{self.at:.3f} {self.path} {self.status} {json.dumps(shown)}"


def _summary(obj: dict[str, Any]) -> dict[str, Any]:
    meta = obj["metadata"]
    found = {
        **{key: meta.get(key) for key in ("namespace", "name", "uid", "deletionTimestamp")},
        "label": meta.get("labels", {}).get(UID_LABEL),
        "owners": [owner["uid"] for owner in meta.get("ownerReferences", [])],
        "lists": [entry.get("name") for entry in obj.get("imagePullSecrets", [])],
    }
    return {key: value for key, value in found.items() if value}


class HookDelivery(Delivery):
    """The handler of one connection from Metacontroller."""

    body_limit = MAX_BODY_BYTES


class Recorder:
    """Listens on loopback, within a `with` block, and passes each call to the URL of `service`.

    The caller gets 502 if the service does not respond or raises `ServiceFailed`, and for the paths
    in `broken`.
    """

    def __init__(self, service: Callable[[], str]) -> None:
        self.exchanges: list[Exchange] = []
        self.broken: set[str] = set()
        self.service = service
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_maxsize=AT_ONCE))

    def __enter__(self) -> "Recorder":
        """Start to listen."""
        self._server = LoopbackServer(("127.0.0.1",), 0, HookDelivery, self._serve)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.stop()
        self._session.close()

    @property
    def address(self) -> str:
        """The host and the port of the recorder."""
        return f"127.0.0.1:{self._server.port}"

    def _serve(self, request: Request) -> tuple[Response, Fault]:
        at = time.time()  # noqa: TID251  when a call came is what is recorded
        try:
            body = json.loads(request.body)
        except ValueError:  # the caller was killed while writing
            return Response(400), Fault()
        try:
            response = self._pass_on(request)
        except (requests.RequestException, ServiceFailed):
            response = Response(502, b"the service does not answer\n")
        answer = json.loads(response.body) if response.status == requests.codes.ok else {}
        self.exchanges.append(Exchange(request.path, body, response.status, answer, at))
        return response, Fault()

    def _pass_on(self, request: Request) -> Response:
        if request.path in self.broken:
            raise ServiceFailed(request.path)
        got = self._session.post(
            f"{self.service()}{request.path}",
            data=request.body,
            headers={name: request.headers.get(name, "") for name in PASSED_ON},
            timeout=TIMEOUT_SECONDS,
        )
        kept = tuple((name, value) for name, value in got.headers.items() if name in PASSED_BACK)
        return Response(got.status_code, got.content, kept)
