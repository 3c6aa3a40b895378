"""Azure's clouds: each has an Entra of its own, and the service asks one."""

from typing import Final

from hooks.core.identity import WorkloadIdentity
from hooks.core.model import Spec
from hooks.core.policy import Policy

PUBLIC: Final = "PublicCloud"
# The host of Entra, by the cloud's name.
# https://github.com/kubernetes-sigs/cloud-provider-azure/blob/7b31c76/pkg/azclient/cloud.go
AUTHORITIES: Final = {
    PUBLIC: "login.microsoftonline.com",
    "USGovernmentCloud": "login.microsoftonline.us",
    "ChinaCloud": "login.chinacloudapi.cn",
}
# Other names of these hosts.
# azure-sdk-for-python@azure-identity_1.27.0:azure/identity/_internal/shared_token_cache.py
ALIASES: Final = {
    "login.partner.microsoftonline.cn": "login.chinacloudapi.cn",
    "login.usgovcloudapi.net": "login.microsoftonline.us",
    "login.windows.net": "login.microsoftonline.com",
    "login.microsoft.com": "login.microsoftonline.com",
    "sts.windows.net": "login.microsoftonline.com",
}


def elsewhere(spec: Spec, policy: Policy) -> str | None:
    """Return why *spec* is of another cloud than the service serves, if it is.

    The audience is the operator's: a token for another would be worth more than a pull. Which Entra
    a managed identity is in need not be known, for the node asks its own.
    """
    if spec.audience is not None and spec.audience.rstrip("/") != policy.audience.rstrip("/"):
        return (
            f"spec.acr.cloudConfig.resourceManagerAudience: {spec.audience!r} is not what the "
            f"service asks tokens for; e.g. {policy.audience} (TOKEN_AUDIENCE)"
        )
    federated = policy.own_token or isinstance(spec.identity, WorkloadIdentity)
    if federated and spec.authority and _known(spec.authority) != _known(policy.authority):
        return (
            f"spec.acr: workload identities of its cloud are in Entra at {spec.authority}, and the "
            f"service asks {policy.authority} (AZURE_AUTHORITY_HOST); correct environment or "
            f"cloudConfig, e.g. {_example(policy.authority)}"
        )
    return None


def _example(authority: str) -> str:
    """Return what a spec says to be of the cloud whose Entra is at *authority*."""
    served = _known(authority)
    named = next((name for name, host in AUTHORITIES.items() if host == served), None)
    other = f"environment: AirgappedCloud and entraAuthorityHost: https://{authority}"
    return f"environment: {named}" if named else other


def _known(authority: str) -> str:
    """Return the name by which the cloud is known whose Entra is at *authority*."""
    host = authority.removesuffix(":443")
    return ALIASES.get(host, host)
