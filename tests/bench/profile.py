"""The parts of a sync's time, within the application."""

import cProfile
import gc
import time
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
from tests.bench.floor import new_floor
from tests.emulator import Emulator
from tests.emulator.settings import system_clock

CALLS: Final = 1000  # of the application in this process
SHOWN: Final = 8  # functions


def show_profile(emulator: Emulator, body: bytes) -> None:
    """Print the functions with the largest share of a sync's time, without gunicorn and sockets."""
    with redirect_stderr(StringIO()):  # for all later log lines
        log.configure("INFO")
    settings = Settings.from_env(emulator.environment())
    failed = MintFailed(Reason.TIMEOUT, "the token was to be kept")
    ours = create_app(settings, lambda *_: failed, system_clock)
    sync, bare = (min(called(app, body) for _ in range(3)) for app in (ours, new_floor()))
    profile = cProfile.Profile()
    called(ours, body, profile)
    print(f"\nWithin the application: /sync {sync:.0f} us, bare route {bare:.0f} us")
    print("The most of /sync, own time under cProfile (which adds to it)")
    stats = sorted(profile.getstats(), key=lambda entry: -entry.inlinetime)
    for entry in stats[:SHOWN]:
        name = entry.code if isinstance(entry.code, str) else code_name(entry.code)
        micros, calls = entry.inlinetime / CALLS * 1e6, entry.callcount / CALLS
        print(f"  {micros:6.1f} us  {calls:5.1f} calls  {name}")


def code_name(code: CodeType) -> str:
    """Return file, line and name of *code*, without the common folders."""
    return f"{'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_firstlineno} {code.co_qualname}"


def called(app: Flask, body: bytes, profile: cProfile.Profile | None = None) -> float:
    """Return the microseconds of *app* for /sync with *body*."""
    builder = EnvironBuilder(
        path="/sync",
        method="POST",
        input_stream=BytesIO(body),
        content_type="application/json",
    )
    environs = [
        builder.get_environ() | {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        for _ in range(CALLS)
    ]
    gc.collect()
    gc.freeze()  # otherwise the collector would walk all other objects of this process
    with profile or nullcontext():
        began = time.perf_counter()
        for environ in environs:
            b"".join(app(environ, lambda _status, _headers, _info=None: bytes))
        return (time.perf_counter() - began) / CALLS * 1e6
