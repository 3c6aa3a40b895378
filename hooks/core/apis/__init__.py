"""The API versions of bindings: what each calls its Secret, and how it says what is asked for.

One parser for each, to the one `Spec`. The rest of the core does not tell them apart.
"""

from typing import Final

from hooks.core.apis import acrpull_v1beta1, upstream_v1beta1, upstream_v1beta2
from hooks.core.apis.api import Api

OURS: Final = acrpull_v1beta1.API
UPSTREAM: Final = (upstream_v1beta1.API, upstream_v1beta2.API)
APIS: Final = {api.api_version: api for api in (OURS, *UPSTREAM)}


def api_of(api_version: object) -> Api:
    """Return the API of a binding that says *api_version*; ours where it says none that is known.

    So it is in a request made by hand.
    """
    return APIS.get(api_version, OURS) if isinstance(api_version, str) else OURS
