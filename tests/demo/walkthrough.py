"""The four steps of the demo: each step prints its calls and their effects."""

import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import requests
import yaml

from tests.demo.stand_ins import (
    JSON,
    REPOSITORY,
    DemoFailed,
    call_hook,
    child,
    docker_config,
    full_name,
    observed,
    pull,
    readiness,
    sample,
)
from tests.emulator import Emulator

STEPS: Final = 4
SHOWN: Final = 8  # characters of a token
INDENT: Final = "    "


def walk_through(emulator: Emulator, service_url: str, *, verbose: bool) -> str:
    """Print the steps; return the pulled image and the duration. Raises `DemoFailed`.

    If *verbose*, the steps print the objects too. Tokens are shortened.
    """
    url, binding = f"{service_url}/sync", sample(emulator.acr_server)
    introduce(emulator, service_url)
    started = time.monotonic()
    with step(1, "Metacontroller reports a new ACRPullBinding to acrpull."):
        show("called", f"POST {url}")
        show("changed", f"ACRPullBinding {full_name(binding)} is created")
        show("", f"registry {binding['spec']['acrServer']}")
        show("", f"identity {binding['spec']['managedIdentityClientID']}")
        if verbose:
            show_text(yaml.safe_dump(binding, sort_keys=False))
    with step(2, "acrpull obtains a registry token and returns the desired objects."):
        answer = call_hook(url, {"parent": binding})
        show_calls(emulator, 0)
        show_desired(answer, verbose=verbose)
    with step(3, "Metacontroller applies both objects and reports them to acrpull."):
        again = report_applied(emulator, url, binding, answer)
        hours, minutes = divmod(round(again["resyncAfterSeconds"] / 60), 60)
        due = f"acrpull renews the token in {hours} h {minutes} min"
        show("changed", f"ACRPullBinding {full_name(binding)} becomes Ready=True; {due}")
        if verbose:
            show_text(yaml.safe_dump({"status": again["status"]}, sort_keys=False))
    image = f"{emulator.acr_server}/{REPOSITORY}:latest"
    with step(4, f"A container runtime pulls {image} with the Secret."):
        before = len(emulator.requests)
        try:
            size = pull(child(answer, "Secret"), emulator.ca_file)
        finally:
            show_calls(emulator, before)
        show("changed", f"the runtime has the image: {size} bytes, and every digest is correct")
    milliseconds = (time.monotonic() - started) * 1000
    return f"pulled {image} in {milliseconds:.0f} ms, from binding to image"


def introduce(emulator: Emulator, service_url: str) -> None:
    """Print the programs and their addresses."""
    print("The acrpull demo runs on this machine. It needs no Azure subscription and no cluster.")
    print(f"{INDENT}acrpull        {service_url}")
    print(f"{INDENT}emulated IMDS  {emulator.imds_url}")
    print(f"{INDENT}emulated ACR   https://{emulator.acr_server}")
    print("The demo itself plays Metacontroller and the container runtime.")


@contextmanager
def step(number: int, title: str) -> Iterator[None]:
    """Print the title of a step, and name the step in an error from it."""
    print(f"\n{number}/{STEPS} {title}", flush=True)  # visible before the slow calls
    try:
        yield
    except (DemoFailed, requests.RequestException) as error:
        raise DemoFailed(f"step {number}/{STEPS}. {error}") from error


def show(label: str, text: str) -> None:
    """Print one line of a step."""
    print(f"{INDENT}{label:<8} {text}")


def show_text(text: str) -> None:
    """Print an object of several lines."""
    print(textwrap.indent(text, INDENT + "  "), end="")


def show_calls(emulator: Emulator, before: int) -> None:
    """Print the emulator's requests, except for the first *before* requests."""
    for record in emulator.requests[before:]:
        address, digest, rest = f"{record.host}{record.path}".partition("sha256:")
        shown = f"{address}{digest}{rest[:SHOWN]}{'...' if rest else ''}"
        show("called", f"{record.method} {shown} returned {record.status}")


def show_desired(answer: JSON, *, verbose: bool) -> None:
    """Print the objects in *answer*. Raises `DemoFailed` if one is missing."""
    secret, account = child(answer, "Secret"), child(answer, "ServiceAccount")
    if not docker_config(secret)["auths"]:
        raise DemoFailed(f"acrpull returned a Secret without a token. {readiness(answer)}")
    show("changed", f"Secret {full_name(secret)} contains the token")
    if verbose:
        show_text(yaml.safe_dump(readable(secret), sort_keys=False))
    added = ", ".join(entry["name"] for entry in account["imagePullSecrets"])
    show("changed", f"ServiceAccount {full_name(account)}: imagePullSecrets += {added}")
    if verbose:
        show_text(yaml.safe_dump(account, sort_keys=False))


def readable(secret: JSON) -> JSON:
    """Return *secret* with a decoded docker config and shortened credentials."""
    config = docker_config(secret)
    for entry in config["auths"].values():
        for key in ("password", "auth"):
            entry[key] = f"{entry[key][:SHOWN]}... ({len(entry[key])} characters)"
    return secret | {"data": {".dockerconfigjson": config}}


def report_applied(emulator: Emulator, url: str, binding: JSON, answer: JSON) -> JSON:
    """Return acrpull's response after *answer* is applied.

    Raises `DemoFailed` unless acrpull keeps the token, calls nothing in Azure, and is Ready.
    """
    before = len(emulator.requests)
    show("called", f"POST {url}")
    again = call_hook(url, observed(binding, answer))
    show_calls(emulator, before)
    if len(emulator.requests) > before or child(again, "Secret") != child(answer, "Secret"):
        raise DemoFailed("acrpull requested another token although the Secret's token is fresh.")
    show("called", "nothing in Azure, because the token in the Secret is fresh")
    if not readiness(again).startswith("Ready=True"):
        raise DemoFailed(f"The binding is not ready. {readiness(again)}")
    return again
