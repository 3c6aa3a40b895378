"""The composition root: environment to settings to service. Nothing imports it."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime

from hooks import log, metrics
from hooks.app import create_app
from hooks.core.model import AcrToken, Hop, MintFailed, TokenRequest
from hooks.entra import Entra
from hooks.mint import MINT_SECONDS, Minter
from hooks.registry import Registry
from hooks.settings import Settings

settings = Settings.from_env(os.environ)
log.configure(settings.log_level)
metrics.set_build(settings.revision)
entra, registry = Entra(), Registry()


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def mint(request: TokenRequest) -> AcrToken | MintFailed:
    """Go both hops: identity to Entra token, Entra token to the registry's."""
    deadline = time.monotonic() + MINT_SECONDS
    token = entra.token(request, deadline)
    if isinstance(token, MintFailed):
        return replace(token, hop=Hop.IMDS)
    return registry.mint(request, token, deadline)


app = create_app(settings, Minter(mint, now, settings.policy.refresh_before), now)
