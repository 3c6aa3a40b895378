"""What we answer to requests that a real Metacontroller sent."""

import pytest

from tests.golden import Case, cases

CASES = cases()
COMPOSITE = [case for case in CASES if case.facts["path"] in {"/sync", "/finalize"}]


def names(case: Case, kind: str) -> set[str]:
    """Return the names of the children of *kind* that Metacontroller observed."""
    return {child["metadata"]["name"] for child in case.request["children"][f"{kind}.v1"].values()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_answer(case: Case) -> None:
    """The answer is the golden one."""
    assert case.answer() == case.response


@pytest.mark.parametrize("case", COMPOSITE, ids=lambda case: case.name)
def test_no_service_account_is_left_out(case: Case) -> None:
    """Whatever was observed, every ServiceAccount is in the answer, or it would be deleted."""
    answered = {c["metadata"]["name"] for c in case.answer()["children"] if c["kind"] != "Secret"}
    assert answered >= names(case, "ServiceAccount")


def test_both_apply_strategies_are_covered() -> None:
    """There is a case of each hook in each strategy."""
    seen = {(case.folder.parent.name, case.facts["path"]) for case in CASES}
    paths = {path for _, path in seen}
    assert len(paths) == 5
    assert seen == {(s, path) for s in ("dynamic-apply", "server-side-apply") for path in paths}
