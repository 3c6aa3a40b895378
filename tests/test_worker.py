"""The service starts only with a gunicorn that has the methods which our worker overrides."""

import inspect

import pytest
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from hooks.server.worker import OVERRIDDEN, Worker, check_gunicorn


class Renamed(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker in which a parameter of a method has another name."""

    def finish_request(self, conn: object, future: object) -> None:
        """Do nothing."""


class Removed:
    """A worker without the methods."""


def test_locked_release() -> None:
    """The locked gunicorn fits, and every override is checked."""
    check_gunicorn()
    overrides = {name for name, member in vars(Worker).items() if inspect.isfunction(member)}
    assert overrides & set(dir(ThreadWorker)) == set(OVERRIDDEN)


@pytest.mark.parametrize("base", [Renamed, Removed])
def test_other_release(base: type) -> None:
    """A gunicorn with another method ends the start, and the message says what to install."""
    with pytest.raises(SystemExit, match=r"^gunicorn \S+ does not fit acrpull: .* -r requirements"):
        check_gunicorn(base)
