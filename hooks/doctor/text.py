"""A report for a person at a terminal, from the object that programs get."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from hooks.core.fields import JSON
from hooks.core.names import DOCKER_CONFIG_KEY

LONG: Final = 96  # characters of a command
OPTION: Final = re.compile(
    r" (?=--(?:assignee[-a-z]*|scope|identities|identity-name|issuer|subject) )"
)
WIDTH: Final = 15  # of the first column
HOP_WIDTH: Final = 9  # at least


def printable(line: str) -> str:
    """Return *line* with nothing in it that would steer a terminal."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def render(report: JSON) -> str:
    """Return *report*, as `hooks.doctor.report.new_report` makes it, in lines."""
    lines = [f"{report['file']}: {line}" for line in report["problems"]]
    lines += [f"note: {line}" for line in report["notes"]]
    if report["authority"]:
        on = f"IDENTITY_SOURCE={report['identitySource']}"
        on = f"{on} WORKLOAD_IDENTITY={report['workloadIdentity']}"
        lines.append(f"note: {on}, Entra at {report['authority']}")
    for binding in report["bindings"]:
        lines += ["", *_binding(binding)] if lines else _binding(binding)
    if report["passedOver"]:
        lines += ["", f"passed over: {', '.join(report['passedOver'])}"]
    return "".join(f"{printable(line)}\n" for line in lines)


def _binding(binding: JSON) -> list[str]:
    name = binding["name"] or "without a name"
    if binding["namespace"]:
        name = f"{binding['namespace']}/{name}"
    verdict = "good" if binding["ok"] else "has problems"
    if not binding["accepted"]:
        verdict = "would be refused"
    lines = [f"{binding['kind']} {name}: {verdict}"]
    lines += [f"  {line}" for line in binding["problems"]]
    lines += [f"  note: {line}" for line in binding["notes"]]
    if binding["secretName"] is not None:
        lines += [f"  {line}" for line in _plan(binding)]
    if binding["live"] is not None:
        lines += ["  Tried from here", *(f"    {line}" for line in _tried(binding["live"]))]
    return lines


def _plan(binding: JSON) -> Iterator[str]:
    server, identity, run = binding["server"], binding["identity"], binding["commands"]
    kind = "client ID" if identity["clientID"] else "resource ID"
    rows = {
        "Secret": binding["secretName"],
        "ServiceAccount": binding["serviceAccountName"],
        "Registry": f"{server['name']}{_default(server)}",
        "Identity": f"{kind} {identity['clientID'] or identity['resourceID']}{_default(identity)}",
    }
    if "tenantID" in identity:
        account = identity["serviceAccount"]
        rows["Tenant"] = identity["tenantID"]
        rows["Trusts"] = f"ServiceAccount {account}" if account else "the service's own token"
    for title, value in rows.items():
        yield f"{title:{WIDTH}} {value}"
    if run["cloud"]:
        yield from _block("Cloud", run["cloud"])
    role = [run["mode"], "# if it says AbacRepositoryPermissions", *_wrapped(run["abac"])]
    role += ["# else", *_wrapped(run["rbac"])]
    yield from _block("Role on the registry", *role)
    if run["trust"]:
        trust = [line for command in run["trust"] for line in _wrapped(command)]
        yield from _block("Federated credential of the identity", *trust)
    nodes = [line for command in run["nodes"] for line in _wrapped(command)]
    if nodes:
        yield from _block("Nodes: for each scale set that the service's Pods may run on", *nodes)
    yield from _block("Requests, as the service sends them", *_requests(binding["requests"]))
    yield from _block("Children, as it answers them", *_children(binding["children"]))


def _default(value: JSON) -> str:
    return ", the service's default" if value["default"] else ""


def _block(title: str, *lines: str) -> Iterator[str]:
    yield title
    for line in lines:
        yield f"  {line}"


def _wrapped(command: str) -> list[str]:
    """Return *command* in lines for a shell."""
    first, *more = OPTION.split(command) if len(command) > LONG else [command]
    lines = [first, *(f"  {option}" for option in more)]
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _width(names: Iterable[str]) -> int:
    return max(HOP_WIDTH, *map(len, names))


def _requests(requests: list[JSON]) -> Iterator[str]:
    width = _width(request["name"] for request in requests)
    for request in requests:
        yield f"{request['name']:{width}} {request['method']} {request['url']}"
        fields = {**{f"{k}:": v for k, v in request["headers"].items()}, **_form(request["form"])}
        for key, value in fields.items():
            yield f"{'':{width}}   {key} {value}"


def _form(form: JSON) -> JSON:
    return {f"{key} =": value for key, value in form.items()}


def _children(children: list[JSON]) -> Iterator[str]:
    for child in children:
        meta = child["metadata"]
        yield f"{child['kind']:{WIDTH}} {meta['namespace']}/{meta['name']}"
        if child["kind"] == "Secret":
            config = json.loads(base64.b64decode(child["data"][DOCKER_CONFIG_KEY]))
            yield f"{'':{WIDTH}}   type: {child['type']}"
            for server, entry in config["auths"].items():
                user = f"username {entry['username']}, password {entry['password']}"
                yield f"{'':{WIDTH}}   {server}: {user}"
        else:
            names = ", ".join(entry["name"] for entry in child["imagePullSecrets"])
            yield f"{'':{WIDTH}}   imagePullSecrets: what it has, and {names}"


def _tried(live: list[JSON]) -> Iterator[str]:
    width = _width(tried["hop"] for tried in live)
    for tried in live:
        outcome = tried["reason"] or "ok"
        head = f"{tried['hop']:{width}} {tried['milliseconds']:8.1f} ms"
        yield f"{head}  {outcome}: {tried['message']}"
        if tried["remedy"]:
            yield f"{'':{len(head)}}  remedy: {tried['remedy']}"
