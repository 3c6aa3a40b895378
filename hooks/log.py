"""Log lines: one JSON object each, with nothing in it that looks like a token."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Final

# A JWT begins with base64 of '{"' or '{ '; then the same in base64; and `auth` of a docker config.
TOKEN: Final = re.compile(r"(?:ey[AJ]|ZXl[BK]|MDAwMDAwMDAt)[-\w+/=.]{20,}")
FIELDS: Final = "fields"  # the key of `extra` whose dict becomes keys of the line


def redact(text: str) -> str:
    """Return *text* with whatever looks like a token struck out."""
    return TOKEN.sub("[redacted]", text)


class JsonFormatter(logging.Formatter):
    """Formats a record as {"time", "level", "logger", "message", ...}."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for *record*; time in UTC, RFC 3339."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return redact(json.dumps(line))


def configure(level: str) -> None:
    """Send all records at *level* and above to stderr.

    The libraries' own loggers start at WARNING: theirs tell of every request.
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # not shown
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level="WARNING", force=True)
    logging.getLogger("hooks").setLevel(level)
    # azure-identity repeats as a warning what becomes a condition.
    logging.getLogger("azure").setLevel("ERROR")
