"""The composition root: reads the environment and creates the application for gunicorn."""

import logging
import os
from datetime import UTC, datetime

from hooks import log, metrics
from hooks.log_stderr import StderrHandler
from hooks.mint.chain import TokenChain, new_entra_tokens
from hooks.mint.minter import Minter
from hooks.mint.registry import Registry
from hooks.server.app import create_app
from hooks.settings.environment import Settings
from hooks.version import VERSION

settings = Settings.from_env(os.environ)
log.configure(settings.log_level, StderrHandler(metrics.LOST_LINES.inc))
metrics.set_build(VERSION, settings.revision)
logging.getLogger("hooks").info("identities", extra={log.FIELDS: settings.federation.log_fields()})


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


chain = TokenChain(new_entra_tokens(settings.federation, now), Registry())
mint = Minter(chain, now, settings.policy.refresh_before)
app = create_app(settings, mint, now, mint.without_waiting)
