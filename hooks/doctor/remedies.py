"""What to do about a mint that failed: README's words, by reason."""

from typing import Final

from hooks.core.reason import Reason

_CHECK_SERVER: Final = "see whether `acrServer` is a container registry"

_UNREACHED: Final = (
    "see whether acrpull's Pods can reach it: network policies, firewalls, `AZURE_AUTHORITY_HOST`"
)

REMEDIES: Final = {
    Reason.IDENTITY_NOT_FOUND: (
        "assign the identity to the node pool's scale set; a workload identity: correct its IDs"
    ),
    Reason.IDENTITY_UNAVAILABLE: (
        "see whether Pods can reach IMDS at 169.254.169.254; AKS can block it"
    ),
    Reason.AUDIENCE_REFUSED: "set `TOKEN_AUDIENCE` to `https://management.azure.com`",
    Reason.THROTTLED: "nothing, it is asked again later",
    Reason.REGISTRY_DENIED: (
        "grant the identity AcrPull (ABAC: Container Registry Repository Reader); "
        "wait 10 minutes; check `scope`"
    ),
    Reason.REGISTRY_FIREWALL: "allow the cluster's outbound address in the registry's firewall",
    Reason.REGISTRY_NOT_FOUND: "correct `acrServer`, or mend the cluster's DNS",
    Reason.REGISTRY_UNTRUSTED: (
        "name the CA in `REQUESTS_CA_BUNDLE`, if a proxy or a private registry has one of its own"
    ),
    Reason.REGISTRY_UNREACHABLE: "check firewalls and private endpoints",
    Reason.SCOPE_REFUSED: "correct `scope`, e.g. `repository:app:pull`",
    Reason.SCOPE_NOT_GRANTED: (
        "grant the identity what the message names, or ask for less in `scope`; the rest works"
    ),
    Reason.REGISTRY_ERROR: _CHECK_SERVER,
    Reason.MALFORMED_TOKEN: _CHECK_SERVER,
    Reason.CLOCK_SKEW: "set the node's clock",
    Reason.SERVICE_ACCOUNT_NOT_FOUND: "create it, or correct `serviceAccountName`",
    Reason.TOKEN_REQUEST_REFUSED: "add the component `metacontroller/workload-identity`",
    Reason.API_SERVER_UNAVAILABLE: _UNREACHED,
    Reason.FEDERATION_REFUSED: (
        "run the `az` command that the message has; if it was run just now, wait 10 minutes"
    ),
    Reason.IDENTITY_REFUSED: "look up the code that the message has",
    Reason.ENTRA_UNAVAILABLE: _UNREACHED,
    Reason.TIMEOUT: "nothing, it is asked again; if it lasts, check the network",
}
