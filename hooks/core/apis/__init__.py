"""The API versions of bindings, one module each.

Each module defines `API`. All versions are parsed to the same `Spec`, so the rest of the core does
not distinguish the versions.
"""

from typing import Final

from hooks.core.apis import acrpull_v1beta1, upstream_v1beta1, upstream_v1beta2
from hooks.core.apis.api import Api

OURS: Final = acrpull_v1beta1.API
UPSTREAM: Final = (upstream_v1beta1.API, upstream_v1beta2.API)
APIS: Final = {api.api_version: api for api in (OURS, *UPSTREAM)}


def api_of(api_version: object) -> Api:
    """Return the API with *api_version*, or acrpull's own API if *api_version* is unknown.

    Only a hand-written request contains an unknown API version.
    """
    return APIS.get(api_version, OURS) if isinstance(api_version, str) else OURS
