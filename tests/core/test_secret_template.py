"""The user's labels and annotations of a Secret."""

from dataclasses import replace

import pytest

from hooks.core.apis import APIS, OURS
from hooks.core.fields import JSON
from hooks.core.model.secret_template import SecretTemplate, parse_template
from hooks.core.observed import Observed
from hooks.core.renewal.decision import Keep
from hooks.core.sync import Answer
from hooks.core.wire.objects import parse_binding, parse_secret
from hooks.core.wire.response import new_answer
from tests.core.builders import (
    LAST_APPLIED,
    NO_SECRET,
    NOW,
    OBSERVED,
    PARENT,
    POLICY,
    SECRET,
    SECRET_NAME,
    TARGET,
    TARGETS,
    changed,
    decide,
    finalize,
    sync,
)

META: JSON = {"labels": {"team": "shop"}, "annotations": {"example.com/owner": "me"}}
TEMPLATE = SecretTemplate(**META)


def wishing(observed: Observed = OBSERVED) -> Observed:
    """Return *observed* with `TEMPLATE` in its binding."""
    return replace(observed, binding=replace(observed.binding, secret_template=TEMPLATE))


def secret_meta(observed: Observed, answer: Answer) -> JSON:
    """Return the metadata of the Secret in *answer*."""
    children = new_answer(observed.binding, answer, finalizing=False)["children"]
    (meta,) = (child["metadata"] for child in children if child["kind"] == "Secret")
    assert isinstance(meta, dict)
    return meta


def test_of_the_spec() -> None:
    """Acrpull's own API has the field, with a valid and with an invalid spec."""
    binding = changed(PARENT, "spec/secretTemplate", {"metadata": META})
    for problem in (None, "spec is wrong"):
        assert parse_binding(binding, "parent", problem).secret_template == TEMPLATE


@pytest.mark.parametrize("spec", [{}, {"secretTemplate": []}, {"secretTemplate": {}}, "x", None])
def test_without_a_template(spec: object) -> None:
    """Without the field, or with another type, there is no template."""
    binding = parse_binding({**PARENT, "spec": spec}, "parent", "spec is wrong")
    assert binding.secret_template == SecretTemplate()


def test_of_other_apis() -> None:
    """The other APIs lack the field."""
    spec = {"secretTemplate": {"metadata": META}}
    others = [api for api in APIS.values() if api is not OURS]
    assert [api.secret_template(spec) for api in others] == [SecretTemplate()] * len(others)


@pytest.mark.parametrize(
    ("entries", "kept"),
    [
        pytest.param({"team": "shop", "n": 1, "null": None}, {"team": "shop"}, id="types"),
        pytest.param({"controller-uid": "uid-x", TARGET: "attach"}, {}, id="reserved"),
        pytest.param({LAST_APPLIED: "{}", "app.kubernetes.io/name": "x"}, {}, id="subdomains"),
        pytest.param({"acr.microsoft.com/binding": "x"}, {}, id="upstream"),
        pytest.param({"myacrpull.dev/x": "y"}, {"myacrpull.dev/x": "y"}, id="alike"),
        pytest.param(["team"], {}, id="list"),
        pytest.param(None, {}, id="null"),
    ],
)
def test_invalid_entries(entries: object, kept: JSON) -> None:
    """An invalid entry and a reserved key are no part of a template."""
    assert parse_template({"labels": entries}) == SecretTemplate(labels=kept)
    assert parse_template({"annotations": entries}) == SecretTemplate(annotations=kept)


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(wishing(), id="kept"),
        pytest.param(wishing(NO_SECRET), id="created"),
        pytest.param(wishing(replace(OBSERVED, secret=replace(SECRET, targets={}))), id="bare"),
    ],
)
def test_answer(observed: Observed) -> None:
    """The Secret has the template beside the keys of acrpull."""
    answer = sync(observed, decide(observed, POLICY, NOW), None, POLICY, NOW)
    meta = secret_meta(observed, answer)
    assert meta["labels"] == {"team": "shop", **TARGETS}
    assert meta["annotations"].items() >= {"example.com/owner": "me"}.items()


def test_no_token_request() -> None:
    """A changed template keeps the token."""
    assert decide(wishing(), POLICY, NOW) == Keep()


def test_deletion() -> None:
    """The Secret of a deleted binding keeps the template, which a policy may demand."""
    observed = wishing()
    meta = secret_meta(observed, finalize(observed, POLICY, NOW))
    assert meta["labels"]["team"] == "shop"


def test_observed_secret() -> None:
    """Of an observed Secret, all labels and annotations without a reserved key are read."""
    meta = {**META, "name": SECRET_NAME, "annotations": {LAST_APPLIED: "{}", **META["annotations"]}}
    assert parse_secret({"metadata": meta}, "at").template == TEMPLATE


def test_as_in() -> None:
    """The keys that are missing from the Secret are missing, and other keys are ignored."""
    observed = SecretTemplate({"team": "other", "audited": "yes"}, {"example.com/ticket": "7"})
    assert TEMPLATE.as_in(observed) == SecretTemplate({"team": "other"})
