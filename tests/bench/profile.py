"""The parts of a sync's time, within the application."""

import cProfile
import gc
import time
from collections.abc import Iterable
from contextlib import nullcontext, redirect_stderr
from io import BytesIO, StringIO
from pathlib import Path
from types import CodeType
from typing import Final

from flask import Flask
from werkzeug.test import EnvironBuilder

from hooks import log
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.server.app import create_app
from hooks.settings.environment import Settings
from tests.emulator import Emulator
from tests.emulator.settings import system_clock

BYTES: Final = 10_000_000  # of bodies, in all calls of a hook
MOST_CALLS: Final = 1000
SHOWN: Final = 8  # functions


def show_profile(emulator: Emulator, bodies: Iterable[tuple[str, bytes]]) -> None:
    """Print the functions with the largest share of a sync's time, without gunicorn and sockets."""
    with redirect_stderr(StringIO()):  # for all later log lines
        log.configure("INFO")
    settings = Settings.from_env(emulator.environment())
    failed = MintFailed(Reason.TIMEOUT, "the token was to be kept")
    app = create_app(settings, lambda *_: failed, system_clock)
    for path, body in bodies:
        show_hook(app, path, body)


def show_hook(app: Flask, path: str, body: bytes) -> None:
    """Print the time of one hook within the application, and the parts of the time."""
    calls = min(MOST_CALLS, BYTES // len(body))
    best = min(called(app, path, body, calls) for _ in range(3))
    profile = cProfile.Profile()
    called(app, path, body, calls, profile)
    print(f"\n{path} within the application, body of {len(body)} bytes: {best:.0f} us")
    print("Own time under cProfile, which adds to the time")
    stats = sorted(profile.getstats(), key=lambda entry: -entry.inlinetime)
    for entry in stats[:SHOWN]:
        name = entry.code if isinstance(entry.code, str) else code_name(entry.code)
        micros, count = entry.inlinetime / calls * 1e6, entry.callcount / calls
        print(f"  {micros:8.1f} us  {count:7.1f} calls  {name}")


def code_name(code: CodeType) -> str:
    """Return file, line and name of *code*, without the common folders."""
    return f"{'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_firstlineno} {code.co_qualname}"


def called(
    app: Flask, path: str, body: bytes, calls: int, profile: cProfile.Profile | None = None
) -> float:
    """Return the microseconds of one of *calls* of *app* at *path* with *body*."""
    builder = EnvironBuilder(
        path=path,
        method="POST",
        input_stream=BytesIO(body),
        content_type="application/json",
    )
    environs = [
        builder.get_environ() | {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        for _ in range(calls)
    ]
    gc.collect()
    gc.freeze()  # otherwise the collector would walk all other objects of this process
    with profile or nullcontext():
        began = time.perf_counter()
        for environ in environs:
            b"".join(app(environ, lambda _status, _headers, _info=None: bytes))
        return (time.perf_counter() - began) / calls * 1e6
