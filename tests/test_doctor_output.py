"""What the doctor prints, and its exit codes."""

import json

import pytest
import yaml

from tests.doctor import GUID, SERVER, listed, manifest, namespace, run
from tests.service import ROOT

GOOD = manifest(acrServer=SERVER, managedIdentityClientID=GUID)


def test_other_kinds_are_passed_over_by_name() -> None:
    """The report names other objects, and has the bindings in a List."""
    others = "kind: ConfigMap\nmetadata: {name: a, namespace: b}\n---\nkind: Thing\n---\n"
    items = [
        yaml.safe_load(manifest(n, acrServer=SERVER, managedIdentityClientID=GUID)) for n in "xy"
    ]
    text = others + listed(*items)
    report = run("--output", "json", "-", stdin=text).report
    assert report["passedOver"] == ["ConfigMap b/a", "Thing"]
    assert [binding["name"] for binding in report["bindings"]] == ["x", "y"]
    assert run("-", stdin=text).out.endswith("\npassed over: ConfigMap b/a, Thing\n")


@pytest.mark.parametrize(
    ("arguments", "stdin", "environ", "error"),
    [
        (["no/such/file"], "", {}, "no/such/file: No such file or directory"),
        (["hooks"], "", {}, "hooks: Is a directory"),
        (["-"], "", {}, "-: no ACRPullBinding in it, nothing"),
        (["-"], "kind: Pod", {}, "-: no ACRPullBinding in it, only Pod"),
        (["-"], namespace(), {}, "-: no ACRPullBinding in it, only Namespace team-a"),
        (["-"], manifest(), {"TOKEN_AUDIENCE": "x"}, "TOKEN_AUDIENCE: 'x' is no resource URI"),
        (["--output", "xml", "-"], "", {}, "invalid choice: 'xml'"),
        ([], "", {}, "the following arguments are required: BINDING.yaml"),
    ],
)
def test_usage(arguments: list[str], stdin: str, environ: dict[str, str], error: str) -> None:
    """A usage error is on stderr, with exit code 2."""
    done = run(*arguments, stdin=stdin, environ=environ)
    assert (done.code, done.out) == (2, "")
    assert error in done.err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: b: c\n", "line 1, column 5: mapping values are not allowed in this context"),
        ("5\n", "document 1: not an object; e.g. kind: ACRPullBinding"),
        ("a: 1\n", "document 1: kind: missing; e.g. ACRPullBinding"),
        (
            "{apiVersion: v1, kind: Namespace}",
            "document 1: Namespace.metadata: expected an object, e.g. {}",
        ),
        (
            namespace().replace("{}", "{acrpull.dev/allowed-identities: 1}"),
            "document 1: Namespace.metadata.annotations.acrpull.dev/allowed-identities: "
            'expected a string, e.g. "app"',
        ),
    ],
)
def test_problems_of_the_file(text: str, problem: str) -> None:
    """A problem of the file is in the report, as text and as JSON, with exit code 1."""
    done = run("-", stdin=text)
    assert (done.code, done.out) == (1, f"-: {problem}\n")
    report = run("-", "--output", "json", stdin=text).report
    assert (report["ok"], report["problems"], report["bindings"]) == (False, [problem], [])


def test_escape_sequences() -> None:
    """The text shows an escape sequence or a lone surrogate in a name as an escape."""
    done = run("-", stdin=json.dumps({"kind": "\x1b[31mPod"}) + "\n")
    assert "\x1b" not in done.err
    text = json.dumps({"kind": "ACRPullBinding", "metadata": {"name": "\x1b[31m\ud800"}})
    done = run("-", stdin=text)
    assert done.out.startswith("ACRPullBinding \\u001b[31m\\ud800: would be refused\n")


def test_other_sources_of_tokens_are_noted() -> None:
    """A note names the variable that makes azure-identity call another endpoint than IMDS."""
    done = run("-", stdin=GOOD, environ={"IDENTITY_ENDPOINT": "http://x"})
    assert done.code == 0
    assert done.out.startswith("note: IDENTITY_ENDPOINT is set, so azure-identity asks that")


def test_help_has_an_example_and_the_keys() -> None:
    """The help lists every key of the report."""
    done = run("--help")
    assert done.code == 0
    assert "\n  python -m hooks.doctor binding.yaml\n" in done.out
    report = run("crds/samples/accepted/client-id.yaml", "--output", "json").report
    keys = {*report, *report["bindings"][0], *report["bindings"][0]["commands"]}
    text = done.out.partition("keys of --output json")[2]
    assert {key for key in keys if key not in text} == set()


def test_readme() -> None:
    """README's command succeeds as written, and its output fits on a screen."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (line,) = (x for x in readme.splitlines() if x.startswith(".venv/bin/python -m hooks.doctor"))
    done = run(*line.split()[3:])
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ACRPullBinding default/client-id: good\n")
    assert len(done.out.splitlines()) <= 40
