"""The settings that decisions depend on."""

from dataclasses import dataclass
from datetime import timedelta

from hooks.core.model.identity import Identity


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that decisions depend on; with a *namespace*, in that.

    *authority* is the host of the one Entra that the service asks;
    *namespace_required* says that what a Namespace does not list is denied there.
    *workload_identity* allows tokens of ServiceAccounts to be exchanged; *own_token*, that of the
    service is, in place of asking IMDS; *tenant_id* is the default for both.
    """

    acr_server_suffixes: tuple[str, ...]
    audience: str
    server: str | None
    identity: Identity | None
    refresh_before: timedelta
    refresh_jitter: timedelta = timedelta(0)
    namespace_required: bool = False
    workload_identity: bool = False
    own_token: bool = False
    tenant_id: str | None = None
    authority: str = "login.microsoftonline.com"
