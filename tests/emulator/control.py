"""The control API under `/_emulator/` of the IMDS port: faults, settings, requests, the CA.

Azure has no such API. Requests to the control API are not recorded and get no faults.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Protocol

from tests.emulator.entra import FederatedCredential
from tests.emulator.fault import Fault, FaultBook
from tests.emulator.incidents import BY_NAME
from tests.emulator.message import JSON_UTF8, Request, Response, compact
from tests.emulator.record import RequestRecord

PREFIX = "/_emulator/"

_SECONDS = {"refresh_lifetime", "access_lifetime", "token_age"}
_FLAGS = {"arm_audience_allowed", "refuse_empty_grant"}
_NAMES = {"identities", "roles", "tenants", "accounts"}
_FAULT_TYPES: dict[str, type | tuple[type, ...]] = {
    "status": int,
    "body": (str, dict),
    "headers": dict,
    "token": str,
    "delay": (int, float),
    "reset": bool,
    "dribble": (int, float),
    "endless": bool,
    "raw": (),  # JSON has no bytes
    "times": (int, type(None)),
    "host": str,
}


class BodyRefused(ValueError):
    """The body does not fit its path; the text shows the expected body."""


class Controlled(Protocol):
    """The part of an emulator that the control API uses."""

    faults: FaultBook
    ca_file: Path

    @property
    def requests(self) -> list[RequestRecord]:
        """All requests so far."""


def control(request: Request, emulator: Controlled) -> Response:
    """Return JSON: 400 with the problem of a body, 404 for an unknown path."""
    routes: dict[tuple[str, str], Callable[[], Any]] = {
        ("GET", "requests"): lambda: [asdict(record) for record in emulator.requests],
        ("GET", "ca.crt"): emulator.ca_file.read_bytes,
        ("POST", "faults"): lambda: _add_fault(_body(request), emulator.faults),
        ("DELETE", "faults"): emulator.faults.clear,
        ("POST", "settings"): lambda: _change(_body(request), emulator),
    }
    route = routes.get((request.method, request.path.removeprefix(PREFIX)))
    if route is None:
        known = ", ".join(f"{method} {PREFIX}{name}" for method, name in routes)
        return Response(404, f"expected one of {known}\n".encode())
    try:
        result = route()
    except (TypeError, ValueError) as error:
        return Response(400, f"{error}\n".encode())
    if isinstance(result, bytes):
        return Response(200, result, (("Content-Type", "application/x-pem-file"),))
    return Response(200, compact(result), (("Content-Type", JSON_UTF8),))


def new_fault(body: dict[str, Any]) -> Fault:
    """Return the fault in *body*: the fields of `Fault`, or the `name` of a ready-made fault.

    `retry_after`, `ip` and `resource` are arguments of ready-made faults.

    Raises:
        BodyRefused: A field is unknown or of another type.
        TypeError: The ready-made fault has no such argument.
    """
    name = body.pop("name", None)
    known = {field.name for field in fields(Fault)}
    own = {key: value for key, value in body.items() if key in known}
    for key, value in own.items():
        if not isinstance(value, _FAULT_TYPES[key]):
            raise BodyRefused(f"{key}: {value!r} is of the wrong type")
    others = {key: value for key, value in body.items() if key not in known}
    if name not in {None, *BY_NAME} or (name is None and others):
        raise BodyRefused(f"unknown: {name or ', '.join(others)}, e.g. status or a name: no_role")
    made: Callable[..., Fault] = BY_NAME[name] if name else Fault
    return replace(made(**others), **own)


def _add_fault(body: dict[str, Any], faults: FaultBook) -> None:
    endpoint = body.pop("endpoint", None)
    faults.add(endpoint, new_fault(body))


def _change(body: dict[str, Any], emulator: Controlled) -> None:
    """Change all the settings in *body*, or none."""
    for key, value in body.items():
        if not _fits(key, value):
            raise BodyRefused(f"{key}: {value!r} is no setting, e.g. refresh_lifetime: 120")
    for key, value in body.items():
        made = [FederatedCredential(**trust) for trust in value] if key == "federated" else value
        setattr(emulator, key, made)


def _fits(key: str, value: object) -> bool:
    if key in _SECONDS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if key in _FLAGS:
        return isinstance(value, bool)
    if key == "federated":
        return isinstance(value, list) and all(_is_trust(trust) for trust in value)
    if key in {"default_identity", "issuer"}:
        return isinstance(value, str) or (value is None and key != "issuer")
    if key not in _NAMES or value is None:
        return key in _NAMES
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_trust(value: object) -> bool:
    known = {field.name for field in fields(FederatedCredential)}
    if not isinstance(value, dict) or not {"client_id", "subject"} <= value.keys() <= known:
        return False
    return all(isinstance(text, str) for text in value.values())


def _body(request: Request) -> dict[str, Any]:
    body = json.loads(request.body or b"{}")
    if not isinstance(body, dict):
        raise BodyRefused('body: expected an object, e.g. {"endpoint": "exchange", "status": 503}')
    return body
