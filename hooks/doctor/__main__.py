"""The command line: arguments, environment, clock and exit code."""

import json
import os
import signal
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from hooks import log
from hooks.core.apis import api_of
from hooks.doctor.clashes import settled
from hooks.doctor.diagnosis import Diagnosis, diagnose
from hooks.doctor.hops import warnings
from hooks.doctor.manifest import MAX_BYTES, ManifestError, parse_documents
from hooks.doctor.report import KEYS, Finding, Report, new_report
from hooks.doctor.selection import Selection, select
from hooks.doctor.text import printable, render
from hooks.doctor.workload import is_unknown
from hooks.environment import SettingsError
from hooks.schemas import version_of
from hooks.settings import Settings

GOOD: Final = 0
PROBLEMS: Final = 1
USAGE: Final = 2

DESCRIPTION: Final = """\
Say of the bindings in a file all that is wrong with them, or what would come of them. Asks neither
a cluster nor Azure. The settings are the service's, from the environment: see README. What a
Namespace allows, which identity a ServiceAccount is annotated with, and who has a Secret's name
counts where they are in the same file.
"""
EPILOG: Final = f"""\
exit codes: 0 all bindings are good, 1 there are problems, 2 wrong usage or settings, or no binding

examples:
  python -m hooks.doctor binding.yaml
  ALLOWED_ACR_SERVER_SUFFIXES=azurecr.us python -m hooks.doctor --output json binding.yaml
  kubectl -n acrpull-system exec -i deploy/acrpull -- python -m hooks.doctor --live - < binding.yaml

{KEYS}"""

UNTRIED: Final = (
    "not tried, for the identity is not known: give its ServiceAccount's manifest in the same file"
)


class UsageError(Exception):
    """What the caller has to change about the call; one line."""


def main(arguments: Sequence[str], environ: Mapping[str, str], stdin: BinaryIO) -> int:
    """Print the report to stdout, or a usage error to stderr; return the exit code."""
    options = parse_options(arguments)
    try:
        settings = Settings.from_env(environ)
        data = _read(options.file, stdin)
        log.configure(settings.log_level)
        report = _examine(options, data, settings, environ)
        found = new_report(report, environ, settings.federation)
    except (UsageError, SettingsError) as error:
        sys.stderr.write(f"python -m hooks.doctor: {printable(str(error))}\n")
        return USAGE
    text = f"{json.dumps(found, indent=2)}\n" if options.output == "json" else render(found)
    sys.stdout.write(text)
    return GOOD if report.ok else PROBLEMS


def parse_options(arguments: Sequence[str]) -> Namespace:
    """Return the options in *arguments*. Raises `SystemExit` after `--help` and a usage error."""
    parser = ArgumentParser(
        prog="python -m hooks.doctor",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="BINDING.yaml", help="YAML or JSON; - is stdin")
    parser.add_argument("--live", action="store_true", help="get a token, too, and show none")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    return parser.parse_args(arguments)


def _read(name: str, stdin: BinaryIO) -> bytes:
    """Return the file's content, of a file that is too large one byte too many.

    Raises `UsageError`.
    """
    try:
        if name == "-":
            return stdin.read(MAX_BYTES + 1)
        with Path(name).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None


def _examine(
    options: Namespace, data: bytes, settings: Settings, environ: Mapping[str, str]
) -> Report:
    """Return the report on *data*. Raises `UsageError` if *data* has no binding."""
    problems: tuple[str, ...] = ()
    found = Selection()
    try:
        found = select(parse_documents(data))
        problems = found.problems
    except ManifestError as error:
        problems = (str(error),)
    if not problems and not found.bindings:
        others = f"only {', '.join(found.others)}" if found.others else "nothing"
        raise UsageError(f"{options.file}: no ACRPullBinding in it, {others}")
    diagnoses = settled(
        (
            diagnose(binding, settings.policy, found.namespaces, found.accounts)
            for binding in found.bindings
        ),
        found.secrets,
    )
    findings = tuple(_try(diagnoses, settings)) if options.live else tuple(map(Finding, diagnoses))
    notes = (*warnings(environ), *_unserved(found, settings))
    return Report(options.file, problems, notes, found.passed_over, findings)


def _unserved(found: Selection, settings: Settings) -> Iterator[str]:
    """Yield what has to be so before anybody looks at some of the bindings."""
    if any(api_of(version_of(binding)) not in settings.apis for binding in found.bindings):
        yield (
            "UPSTREAM_APIS=disabled: nobody serves msi-acrpull's bindings; add the component "
            "metacontroller/upstream, which sets it"
        )


def _try(diagnoses: list[Diagnosis], settings: Settings) -> Iterator[Finding]:
    """Yield each diagnosis with what came of a mint, where there is one to try."""
    from hooks.doctor.live import Live  # noqa: PLC0415  what talks to Azure stays out without it

    refresh_before = settings.policy.refresh_before
    live = Live(settings.federation, refresh_before, lambda: datetime.now(UTC))
    for diagnosis in diagnoses:
        plan = diagnosis.plan
        if plan and is_unknown(plan.request.identity):
            yield Finding(replace(diagnosis, problems=(UNTRIED,), plan=None))
        else:
            yield Finding(diagnosis, tuple(live.mint(plan.request)) if plan else None)


def run() -> int:
    """Return `main`'s exit code, or a shell's for a signal: after Ctrl-C, and without a reader."""
    try:
        code = main(sys.argv[1:], os.environ, sys.stdin.buffer)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Else the interpreter's own flush fails. https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return code


if __name__ == "__main__":
    sys.exit(run())
