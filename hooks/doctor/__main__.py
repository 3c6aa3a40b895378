"""The command line: arguments, environment, clock and exit code."""

import json
import os
import signal
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from hooks import log
from hooks.core.apis import api_of
from hooks.core.fields import JSON
from hooks.doctor.cluster_diagnosis import diagnose_cluster, is_cluster_binding
from hooks.doctor.conflicts import with_conflicts
from hooks.doctor.diagnosis import Diagnosis, diagnose, is_unknown
from hooks.doctor.manifest import ManifestError, parse_documents
from hooks.doctor.notes import TEMPLATE, file_notes
from hooks.doctor.report import KEYS, BindingReport, Report, new_report
from hooks.doctor.selection import Selection, select
from hooks.doctor.text import printable, render
from hooks.schemas import version_of
from hooks.settings.environment import Settings
from hooks.settings.parse import SettingsError

GOOD: Final = 0
PROBLEMS: Final = 1
USAGE: Final = 2

DESCRIPTION: Final = """\
Check binding manifests without a cluster: print every problem or, if there are none, the resulting
Secret and ServiceAccount and the az commands that grant access. The settings are the service's
environment variables: see docs/configuration.md. Namespaces (allow-lists), ServiceAccounts
(identities, owners) and Secrets (names) in the same file are taken into account.
"""
EPILOG: Final = f"""\
exit codes: 0 no problem, 1 problems, 2 usage error, invalid setting, or no binding in the file

examples:
  python -m hooks.doctor binding.yaml
  ALLOWED_ACR_SERVER_SUFFIXES=azurecr.us python -m hooks.doctor --output json binding.yaml
  kubectl -n acrpull-system exec -i deploy/acrpull -- python -m hooks.doctor --live - < binding.yaml

{KEYS}"""

NOT_REQUESTED: Final = (
    "No token was requested, because the identity is unknown. Add its ServiceAccount to the file."
)


class UsageError(Exception):
    """Wrong usage; the text is one line for the user."""


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
    text = f"{json.dumps(found, indent=2)}\n"
    if options.output == "text":
        text = render(found, verbose=options.verbose)
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
    live = "also request a real token (it is never printed)"
    parser.add_argument("--live", action="store_true", help=live)
    parser.add_argument("--output", choices=("text", "json"), default="text")
    verbose = "also print the requests that acrpull will send, and the resulting objects"
    parser.add_argument("--verbose", action="store_true", help=verbose)
    return parser.parse_args(arguments)


def _read(name: str, stdin: BinaryIO) -> bytes:
    """Return the content of the file *name*, or of *stdin* for "-". Raises `UsageError`."""
    try:
        return stdin.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None


def _examine(
    options: Namespace, data: bytes, settings: Settings, environ: Mapping[str, str]
) -> Report:
    """Return the report on *data*. Raises `UsageError` if *data* contains no binding."""
    problems: tuple[str, ...] = ()
    found = Selection()
    try:
        found = select(parse_documents(data))
        problems = found.problems
    except ManifestError as error:
        problems = (str(error),)
    if not problems and not found.bindings:
        others = f", only {', '.join(found.others)}" if found.others else " (file is empty)"
        raise UsageError(f"{options.file} contains no ACRPullBinding{others}")
    policy = settings.policy
    diagnoses = [
        diagnose_cluster(binding, policy)
        if is_cluster_binding(binding)
        else diagnose(binding, policy, found.namespaces, found.accounts)
        for binding in found.bindings
    ]
    notes = tuple(file_notes(diagnoses, found, settings, environ))
    diagnoses = with_conflicts(diagnoses, found)
    bindings = tuple(map(BindingReport, diagnoses))
    if options.live:
        bindings = tuple(_request_tokens(found.bindings, diagnoses, settings))
    report = Report(options.file, problems, notes, found.ignored, bindings)
    if b"{{" in data and not report.ok:
        report = replace(report, notes=(TEMPLATE, *notes))
    return report


def _request_tokens(
    bindings: Iterable[JSON], diagnoses: Iterable[Diagnosis], settings: Settings
) -> Iterator[BindingReport]:
    """Yield the report on each of *bindings*, with the result of each request for its token."""
    from hooks.doctor.live import Live  # noqa: PLC0415  offline runs load no Azure client

    refresh_before = settings.policy.refresh_before
    live = Live(settings.federation, refresh_before, lambda: datetime.now(UTC))
    for binding, diagnosis in zip(bindings, diagnoses, strict=True):
        plan, api = diagnosis.plan, api_of(version_of(binding))
        if plan is None:
            yield BindingReport(diagnosis)
        elif is_unknown(plan.request.identity):
            yield BindingReport(replace(diagnosis, problems=(NOT_REQUESTED,), plan=None))
        else:
            results = live.mint(plan.request)
            texts = (replace(r, message=api.in_terms_of_api(r.message)) for r in results)
            yield BindingReport(diagnosis, tuple(texts))


def run() -> int:
    """Return `main`'s exit code; after Ctrl-C or a closed stdout, 128 + signal as in a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's `&` disables SIGINT
    try:
        code = main(sys.argv[1:], os.environ, sys.stdin.buffer)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # At exit, the interpreter flushes stdout again and would fail.
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return code


if __name__ == "__main__":
    sys.exit(run())
