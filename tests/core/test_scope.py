"""What of a scope a token does not grant."""

import pytest

from hooks.core.exchange.scope import missing

APP = {"type": "repository", "name": "team/app", "actions": ["pull", "metadata_read"]}
CATALOG = {"type": "registry", "name": "catalog", "actions": ["*"]}


@pytest.mark.parametrize(
    ("scope", "access", "missing_actions"),
    [
        pytest.param("", [], (), id="nothing-asked"),
        pytest.param("repository:team/app:pull", [APP], (), id="granted"),
        pytest.param("repository:team/app:metadata_read,pull", [APP], (), id="in-any-order"),
        pytest.param("repository:team/app:push", [APP], ("push on team/app",), id="action"),
        pytest.param(
            "repository:team/app:pull,push,delete,push",
            [APP],
            ("push on team/app", "delete on team/app"),
            id="each-once",
        ),
        pytest.param("repository:app:pull", [APP], ("pull on app",), id="another-repository"),
        pytest.param(
            "repository:team/app:pull repository:b:pull", [APP], ("pull on b",), id="one-of-two"
        ),
        pytest.param("repository:team/app:*", [APP], (), id="all-asked-some-granted"),
        pytest.param(
            "repository:team/app:*,push", [APP], ("push on team/app",), id="all-and-one-asked"
        ),
        pytest.param(
            "repository:team/app:*",
            [APP | {"actions": []}],
            ("* on team/app",),
            id="all-asked-none-granted",
        ),
        pytest.param("registry:catalog:*", [APP, CATALOG], (), id="catalog"),
        pytest.param("registry:catalog:*", [APP], ("* on catalog",), id="no-catalog"),
        pytest.param(
            "repository:team/app:push", [APP | {"actions": ["*"]}], (), id="all-actions-granted"
        ),
        pytest.param("repository:catalog:pull", [CATALOG], ("pull on catalog",), id="another-type"),
    ],
)
def test_missing(scope: str, access: object, missing_actions: tuple[str, ...]) -> None:
    """Each action that was asked and not granted is named with its repository, in order."""
    assert missing(scope, access) == missing_actions


@pytest.mark.parametrize(
    "access",
    [
        *(None, 5, "x", {}, [None], [5], [{}], [{"actions": None}], [{"actions": "pull"}]),
        [{"type": 5, "name": "a", "actions": ["pull"]}],
        [{"type": "repository", "name": "a", "actions": [5]}],
    ],
)
def test_claim_of_another_shape(access: object) -> None:
    """A claim of any other shape grants nothing."""
    assert missing("repository:a:pull", access) == ("pull on a",)
