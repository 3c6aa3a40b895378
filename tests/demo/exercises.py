"""Requests for a person to send to a running demo, each with the expected response."""

import json
import shlex
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.demo.stand_ins import JSON, REPOSITORY, sample

INDENT: Final = "   "


class Exercise(NamedTuple):
    """A request to try.

    Attributes:
        title: The effect of the request.
        command: The shell command that sends the request.
        expected: The end of the sentence "Expect ...". A condition has the form `Ready=False,
            reason <reason>`, and text in double quotes is text of the JSON response.
    """

    title: str
    command: str
    expected: str


def curl(url: str, body: JSON) -> str:
    """Return the shell command that posts *body* to *url*."""
    return shlex.join(["curl", "-sS", url, "-d", json.dumps(body)])


def related_secret(binding: JSON) -> JSON:
    """Return the Secret of *binding* without its data, as Metacontroller reports it."""
    uid = "11111111-0000-4000-8000-000000000000"
    owner = {key: binding[key] for key in ("apiVersion", "kind")}
    owner |= {"name": binding["metadata"]["name"], "uid": uid, "controller": True}
    labels = {"controller-uid": uid, "serviceaccount.acrpull.dev/default": "attach"}
    name = f"acr-pull-{binding['metadata']['name']}"
    return {"metadata": {"name": name, "labels": labels, "ownerReferences": [owner]}}


def exercises(service_url: str, imds_url: str, acr_server: str) -> Iterator[Exercise]:
    """Yield the requests to try. Each request can be sent alone, and again."""
    binding = sample(acr_server)
    scoped = sample(acr_server, scope=f"repository:{REPOSITORY}:pull")
    fault = {"endpoint": "exchange", "name": "no_role", "times": 1}
    account = {"metadata": {"name": "default", "namespace": "default"}}
    related = {"Secret.v1": {"default/acr-pull-client-id": related_secret(binding)}}
    deleted = binding["metadata"] | {"deletionTimestamp": "2026-11-23T12:00:00Z"}
    pipe = " | jq ." if shutil.which("jq") else ""

    def post(path: str, body: JSON) -> str:
        return curl(f"{service_url}{path}", body) + pipe

    yield Exercise(
        "Report the new binding to acrpull.",
        post("/sync", {"parent": binding}),
        'children of kind "Secret" and "ServiceAccount", and Ready=False, reason WritingSecret, '
        "because the request does not contain the applied objects.",
    )
    yield Exercise(
        "Report a binding for a registry that acrpull's settings do not allow.",
        post("/sync", {"parent": sample("docker.io")}),
        "Ready=False, reason ServerNotAllowed.",
    )
    yield Exercise(
        "Make the registry deny one token request, and report a binding that needs a new token.",
        f"{curl(f'{imds_url}/_emulator/faults', fault)} -o /dev/null &&\n"
        + post("/sync", {"parent": scoped}),
        "Ready=False, reason RegistryDenied.",
    )
    yield Exercise(
        "Get the label and annotation that connect a ServiceAccount to its binding's Secret.",
        post("/serviceaccount/sync", {"object": account, "related": related}),
        'the label "controller-uid" and the annotation "acrpull.dev/pull-secrets".',
    )
    yield Exercise(
        "List the objects that Metacontroller must report together with the binding.",
        post("/customize", {"parent": binding}),
        'the resources "namespaces", "serviceaccounts" and "secrets".',
    )
    yield Exercise(
        "Report that the binding is being deleted.",
        post("/finalize", {"parent": binding | {"metadata": deleted}, "finalizing": True}),
        '"finalized": true, because no object blocks the deletion.',
    )


def show_exercises(service_url: str, imds_url: str, acr_server: str, log_file: Path) -> None:
    """Print the numbered requests, and the path of the log."""
    print("\nacrpull and the emulated Azure keep running. Press Ctrl-C to stop them.")
    print(f"To follow acrpull's log: tail -f {shlex.quote(str(log_file))}")
    print("\nTry these requests in another terminal:")
    for number, exercise in enumerate(exercises(service_url, imds_url, acr_server), 1):
        print(f"\n{number}. {exercise.title}\n")
        print(textwrap.indent(exercise.command, INDENT) + "\n")
        print(f"{INDENT}Expect {exercise.expected}")
    print(end="", flush=True)
