"""Azure's clouds. Each cloud has its own Entra; the service uses the Entra of a single cloud."""

from typing import Final

from hooks.core.model.binding import Spec
from hooks.core.model.identity import WorkloadIdentity
from hooks.core.policy.decision_settings import Policy

PUBLIC: Final = "PublicCloud"
# The host of Entra, by the cloud's name.
# https://github.com/kubernetes-sigs/cloud-provider-azure/blob/7b31c76/pkg/azclient/cloud.go
AUTHORITIES: Final = {
    PUBLIC: "login.microsoftonline.com",
    "USGovernmentCloud": "login.microsoftonline.us",
    "ChinaCloud": "login.chinacloudapi.cn",
}
# The hosts of Azure Resource Manager (ARM), in the audience of its tokens.
# go-azure-sdk@188b90e:sdk/environments/azure_china.go, azure_gov.go
ARM_HOSTS: Final = frozenset(
    {
        "management.azure.com",
        "management.core.windows.net",
        "management.usgovcloudapi.net",
        "management.core.usgovcloudapi.net",
        "management.chinacloudapi.cn",
        "management.core.chinacloudapi.cn",
    }
)
# Other names of Entra's hosts.
# azure-sdk-for-python@azure-identity_1.27.0:azure/identity/_internal/shared_token_cache.py
ALIASES: Final = {
    "login.partner.microsoftonline.cn": "login.chinacloudapi.cn",
    "login.usgovcloudapi.net": "login.microsoftonline.us",
    "login.windows.net": "login.microsoftonline.com",
    "login.microsoft.com": "login.microsoftonline.com",
    "sts.windows.net": "login.microsoftonline.com",
}


def is_arm(audience: str) -> bool:
    """True if *audience* is ARM, in any cloud. A registry can reject tokens for ARM.

    https://learn.microsoft.com/azure/container-registry/container-registry-disable-authentication-as-arm
    """
    host = audience.lower().removeprefix("https://").removesuffix("/.default").rstrip("/")
    return host in ARM_HOSTS


def wrong_cloud(spec: Spec, policy: Policy) -> str | None:
    """Return why *spec* belongs to another cloud than the service; None if the clouds match.

    The operator chooses the audience, because a token for another audience could allow more than
    pulls. For a managed identity the authority is ignored, because IMDS uses the Entra of the node.
    """
    if spec.audience is not None and spec.audience.rstrip("/") != policy.audience.rstrip("/"):
        return (
            f'acrpull requests no tokens for audience "{spec.audience}". Fix '
            f"spec.acr.cloudConfig.resourceManagerAudience, e.g. {policy.audience} (TOKEN_AUDIENCE)"
        )
    federated = policy.own_token or isinstance(spec.identity, WorkloadIdentity)
    if federated and spec.authority and _known(spec.authority) != _known(policy.authority):
        return (
            f'spec.acr names a cloud whose Entra is "{spec.authority}", but acrpull uses '
            f'"{policy.authority}" (AZURE_AUTHORITY_HOST). Fix environment or cloudConfig, '
            f"e.g. {_example(policy.authority)}"
        )
    return None


def _example(authority: str) -> str:
    """Return an example of a spec for the cloud with Entra at *authority*."""
    served = _known(authority)
    named = next((name for name, host in AUTHORITIES.items() if host == served), None)
    other = f"environment: AirgappedCloud and entraAuthorityHost: https://{authority}"
    return f"environment: {named}" if named else other


def _known(authority: str) -> str:
    """Return the main name of *authority*, a host of Entra with several names."""
    host = authority.removesuffix(":443")
    return ALIASES.get(host, host)
