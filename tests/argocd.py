"""Runs a health check like Argo CD, with Lua 5.4.

Argo CD has Lua 5.1 (gopher-lua). A script has only the libraries base and `table`.
argo-cd@00101b7:util/lua/lua.go (runLua)
"""

import subprocess
from typing import Any, Final

from tests.model.objects import Object
from tests.service import clean_environment
from tests.tools import require

LUA: Final = "lua5.4"
RUN: Final = """
local libraries = {ipairs = ipairs, pairs = pairs, next = next, type = type, tostring = tostring,
  tonumber = tonumber, select = select, error = error, pcall = pcall, table = table}
getmetatable("").__index = nil
libraries.obj = %s
local found = assert(load(%s, "=health.lua", "t", libraries))()
io.write(found.status, "\\n", found.message)
"""


def health(script: str, obj: Object) -> tuple[str, str]:
    """Return the health of *obj* by *script*, and the message; skip the test without Lua."""
    require(LUA)
    done = subprocess.run(  # noqa: S603  our own script
        [LUA, "-"],
        env=clean_environment(),
        input=RUN % (literal(obj), literal(script)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    code, _, message = done.stdout.partition("\n")
    return code, message


def literal(value: Any) -> str:  # noqa: ANN401  any JSON
    """Return a JSON *value* in Lua. A null means absent in both."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(f"\\{byte:03}" for byte in value.encode()) + '"'
        case dict():
            return "{" + ",".join(f"[{literal(k)}]={literal(v)}" for k, v in value.items()) + "}"
        case list():
            return "{" + ",".join(map(literal, value)) + "}"
    return "nil" if value is None else str(value)
