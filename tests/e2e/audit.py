"""The API server's audit log: the requests of each ServiceAccount, and the answers.

https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.api import Object


@dataclass(frozen=True)
class Asked:
    """A request for a resource; `resource` has the subresource, e.g. "acrpullbindings/status"."""

    user: str
    verb: str
    group: str
    resource: str
    name: str
    status: int
    namespace: str = ""


def requests(log: Path, since: int = 0) -> Iterator[Asked]:
    """Return the requests in *log* after the first *since* bytes.

    Requests for `/api`, `/apis` and similar paths are left out, because these are no resources.
    """
    lines = log.read_bytes()[since:].splitlines(keepends=True)
    for line in lines:
        if line.endswith(b"\n"):  # the last line may be incomplete
            event: Object = json.loads(line)
            of = event.get("objectRef")
            if of:
                yield _asked(event, of)


def _asked(event: Object, of: Object) -> Asked:
    return Asked(
        user=event["user"]["username"],
        verb=event["verb"],
        group=of.get("apiGroup", ""),
        resource="/".join(filter(None, (of["resource"], of.get("subresource")))),
        name=of.get("name", ""),
        status=event["responseStatus"]["code"],
        namespace=of.get("namespace", ""),
    )
