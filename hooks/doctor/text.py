"""Renders the report as text: results, notes, and the commands to grant access."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from hooks.core.exchange.registry_protocol import ABAC_ROLE
from hooks.core.fields import JSON
from hooks.core.model.targets import EVERY
from hooks.core.names import DOCKER_CONFIG_KEY
from hooks.doctor.diagnosis import PLACEHOLDER_ID

MAX_COMMAND_CHARACTERS: Final = 100  # in a line
OPTION: Final = re.compile(
    r" (?=--(?:assignee[-a-z]*|scope|identities|identity-name|issuer|subject) )"
)
# Comments on the words in capitals, by the beginning of a command.
COMMENTS: Final = {
    "az vmss list ": "SCALE_SET: each that can run acrpull's Pods",
    "az identity list ": "IDENTITY, GROUP",
}
WIDTH: Final = 15  # characters of the first column
MIN_HOP_WIDTH: Final = 9


def printable(line: str) -> str:
    """Return *line* with escapes for characters that could control a terminal."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def render(report: JSON, *, verbose: bool = False) -> str:
    """Return *report*, an object of `hooks.doctor.report.new_report`, as text.

    If *verbose*, the text has the requests and the resulting objects of each binding.
    """
    lines = [f"{report['file']}: {line}" for line in report["problems"]]
    for binding in report["bindings"]:
        lines += _binding(binding, verbose=verbose)
    if report["authority"]:
        lines.append(
            f"note: IDENTITY_SOURCE={report['identitySource']}, "
            f"WORKLOAD_IDENTITY={report['workloadIdentity']}, Entra at {report['authority']}"
        )
    lines += [f"note: {line}" for line in report["notes"]]
    if report["ignored"]:
        lines.append(f"ignored: {', '.join(report['ignored'])}")
    commands = [
        binding["commands"]
        for binding in report["bindings"]
        if binding["commands"] and not (binding["live"] and binding["ok"])
    ]
    if commands:
        lines += ["", "Grant access:", *(f"  {line}" for line in _grants(commands))]
    return "".join(f"{printable(line)}\n" for line in lines)


def _binding(binding: JSON, *, verbose: bool) -> Iterator[str]:
    name = binding["name"] or "without a name"
    if binding["namespace"]:
        name = f"{binding['namespace']}/{name}"
    verdict = "OK" if binding["ok"] else "not ready"
    if not binding["accepted"]:
        verdict = "invalid (the API server would reject it)"
    yield f"{binding['kind']} {name}: {verdict}"
    yield from (f"  {line}" for line in binding["problems"])
    if binding["secretName"] is not None:
        yield from (f"  {title:{WIDTH}} {value}" for title, value in _result(binding).items())
    yield from (f"  note: {line}" for line in binding["notes"])
    if verbose and binding["secretName"] is not None:
        yield "  Requests that acrpull will send"
        yield from (f"    {line}" for line in _requests(binding["requests"]))
        yield "  Resulting objects"
        yield from (f"    {line}" for line in _objects(binding["children"]))
    if binding["live"] is not None:
        yield "  Requests from here"
        yield from (f"    {line}" for line in _tried(binding["live"]))


def _result(binding: JSON) -> dict[str, str]:
    """Return the rows about the resulting Secret, the ServiceAccount and the identity."""
    server, identity, secret = binding["server"], binding["identity"], binding["secretName"]
    kind = "client ID" if identity["clientID"] else "resource ID"
    name = identity["clientID"] or identity["resourceID"]
    rows = {
        "Secret": f"{secret}, for {server['name']}{_default(server)}",
        "ServiceAccount": _accounts(binding),
        "Identity": f"{kind} {_known(name)}{_default(identity)}",
    }
    if "tenantID" in identity:
        trusted = identity["serviceAccount"]
        by = f"ServiceAccount {trusted}" if trusted else "the service's own ServiceAccount"
        rows["Identity"] += f" in tenant {_known(identity['tenantID'])}, which trusts {by}"
    return rows


def _accounts(binding: JSON) -> str:
    """Return the row about the ServiceAccounts of *binding*."""
    lists = f"will list {binding['secretName']} in imagePullSecrets"
    names = binding["serviceAccountNames"]
    if names == [EVERY]:
        return f"every ServiceAccount of the Namespace {lists}"
    if names is None:
        names = [binding["serviceAccountName"]]
    children = (child for child in binding["children"] if child["kind"] == "ServiceAccount")
    changed = {child["metadata"]["name"] for child in children}
    groups = {
        f"which {lists}": [name for name in names if name in changed],
        "which will not be changed": [name for name in names if name not in changed],
    }
    rows = [f"{', '.join(group)}, {verb}" for verb, group in groups.items() if group]
    return "; ".join(rows) or "none"


def _known(text: str) -> str:
    return "unknown" if text == PLACEHOLDER_ID else text


def _default(value: JSON) -> str:
    return " (the service's default)" if value["default"] else ""


def _grants(commands: Iterable[JSON]) -> Iterator[str]:
    """Yield shell lines to grant access to all bindings, each command once."""
    for cloud, found in groupby(sorted(commands, key=_cloud), key=_cloud):
        if cloud:
            yield cloud
        group = list(found)
        for mode, role in dict.fromkeys((run["mode"], run["rbac"]) for run in group):
            yield f"# In ABAC mode ({mode.removesuffix(' -o tsv')}), the role is {ABAC_ROLE}."
            yield from _wrapped(role)
        yield from _columns(run["trust"] for run in group)
        yield from _columns(run["nodes"] for run in group)


def _cloud(commands: JSON) -> str:
    return commands["cloud"] or ""


def _columns(rows: Iterable[list[str]]) -> Iterator[str]:
    """Yield the lines of *rows* column by column, each command once.

    A row has the commands for a binding, in order.
    """
    for column in zip(*filter(None, rows), strict=True):
        for command in dict.fromkeys(column):
            yield from _wrapped(command)


def _wrapped(command: str) -> list[str]:
    """Return *command* as shell lines of limited length, with a comment if there is one."""
    comment = next((text for start, text in COMMENTS.items() if command.startswith(start)), None)
    if comment is not None:
        return [f"{command}  # {comment}"]
    lines: list[str] = []
    for part in OPTION.split(command):
        if lines and len(f"{lines[-1]} {part}") <= MAX_COMMAND_CHARACTERS:
            lines[-1] = f"{lines[-1]} {part}"
        else:
            lines.append(f"  {part}" if lines else part)
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _width(names: Iterable[str]) -> int:
    return max(MIN_HOP_WIDTH, *map(len, names))


def _requests(requests: list[JSON]) -> Iterator[str]:
    width = _width(request["name"] for request in requests)
    for request in requests:
        yield f"{request['name']:{width}} {request['method']} {request['url']}"
        fields = {**{f"{k}:": v for k, v in request["headers"].items()}, **_form(request["form"])}
        for key, value in fields.items():
            yield f"{'':{width}}   {key} {value}"


def _form(form: JSON) -> JSON:
    return {f"{key} =": value for key, value in form.items()}


def _objects(children: list[JSON]) -> Iterator[str]:
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
            yield f"{'':{WIDTH}}   imagePullSecrets: the existing entries, and {names}"


def _tried(live: list[JSON]) -> Iterator[str]:
    width = _width(tried["hop"] for tried in live)
    for tried in live:
        outcome = tried["reason"] or "ok"
        took = f"{tried['milliseconds']:8.1f} ms"
        yield f"{tried['hop']:{width}} {took}  {outcome}: {tried['message']}"
