"""Log lines without tokens: as JSON, or as key=value if stderr is a terminal."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final

from hooks.log_stderr import StderrHandler

# The first characters of a JWT ('{"' or '{ ' in base64), of a JWT encoded in base64 again, and of
# `auth` in a Docker config ("00000000-" in base64).
TOKEN_TEXT: Final = re.compile(r"(?:ey[AJ]|ZXl[BK]|MDAwMDAwMDAt)[-\w+/=.]{20,}")
PLAIN: Final = re.compile(r"[-\w./:+%@]+", re.ASCII)  # a value that needs no quotes
FIELDS: Final = "fields"  # the key of `extra` whose dict becomes keys of the line


def redact(text: str) -> str:
    """Return *text* with "[redacted]" in the place of each string that looks like a token."""
    return TOKEN_TEXT.sub("[redacted]", text)


class JsonFormatter(logging.Formatter):
    """Formats a record as {"time", "level", "logger", "message", ...}."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for *record*. The time is in UTC, in RFC 3339."""
        line = _content(record, "milliseconds")
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return redact(json.dumps(line))


class TextFormatter(logging.Formatter):
    """Formats a record as "time level logger message key=value ...", with a traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for *record*. Values with special characters are quoted as in JSON."""
        line = _content(record, "seconds")
        head = (str(line.pop(key)) for key in ("time", "level", "logger"))
        message = _quoted(line.pop("message"), re.compile(r"[ -~]*"))
        text = " ".join((*head, message, *(f"{k}={_quoted(v)}" for k, v in line.items())))
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return redact(text)


def new_formatter() -> logging.Formatter:
    """Return the formatter for stderr: text for a terminal, otherwise JSON."""
    return TextFormatter() if sys.stderr.isatty() else JsonFormatter()


def _content(record: logging.LogRecord, precision: str) -> dict[str, Any]:
    return {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec=precision),
        "level": record.levelname,
        "logger": record.name,
        "message": record.getMessage(),
        **getattr(record, FIELDS, {}),
    }


def _quoted(value: object, plain: re.Pattern[str] = PLAIN) -> str:
    text = str(value)
    return text if plain.fullmatch(text) else json.dumps(text)


def gunicorn_config() -> dict[str, Any]:
    """Return gunicorn's `logconfig_dict`, with redaction: gunicorn's lines may quote a request."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": new_formatter}},
        "handlers": {"stderr": {"()": StderrHandler, "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        },
    }


def configure(level: str, handler: logging.Handler | None = None) -> None:
    """Send log records to *handler*: of acrpull from *level*, of libraries from WARNING.

    The default for *handler* writes to stderr. Below WARNING, libraries log every request.
    """
    handler = handler or logging.StreamHandler()
    handler.setFormatter(new_formatter())
    logging.basicConfig(handlers=[handler], level="WARNING", force=True)
    logging.getLogger("gunicorn.error").handlers = [handler]
    logging.getLogger("hooks").setLevel(level)
    # azure-identity logs each failure as a warning. The binding's conditions already show it.
    logging.getLogger("azure").setLevel("ERROR")
