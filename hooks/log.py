"""Log lines: one JSON object each, with nothing in it that looks like a token."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, Final

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


def gunicorn_config() -> dict[str, Any]:
    """Return gunicorn's `logconfig_dict`: its lines as ours, for they may quote a request."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        },
    }


def configure(level: str) -> None:
    """Send all records at *level* and above to stderr.

    The libraries' own loggers start at WARNING: theirs tell of every request.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level="WARNING", force=True)
    logging.getLogger("hooks").setLevel(level)
    # azure-identity repeats as a warning what becomes a condition.
    logging.getLogger("azure").setLevel("ERROR")
