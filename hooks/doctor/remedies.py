"""What to do about a mint that failed: README's words, by reason."""

from typing import Final

from hooks.core.model.reason import Reason

_CHECK_SERVER: Final = (
    "check that `acrServer` is a container registry, and that no proxy answers in its place"
)

_UNREACHED: Final = (
    "see whether acrpull's Pods can reach it: network policies, firewalls, `AZURE_AUTHORITY_HOST`"
)

REMEDIES: Final = {
    Reason.IDENTITY_NOT_FOUND: (
        "assign the identity to the node pool's scale set, again if it was recreated; a workload "
        "identity: fix its IDs"
    ),
    Reason.IDENTITY_UNAVAILABLE: (
        "check that Pods can reach IMDS at 169.254.169.254, which AKS can block, and that no pod "
        "identity answers in its place"
    ),
    Reason.AUDIENCE_REFUSED: "set `TOKEN_AUDIENCE` to `https://management.azure.com`",
    Reason.THROTTLED: "nothing, acrpull retries",
    Reason.REGISTRY_DENIED: (
        "assign the identity the role AcrPull (ABAC: Container Registry Repository Reader); wait "
        "10 minutes; check `scope`"
    ),
    Reason.REGISTRY_FIREWALL: (
        "link the private endpoint's DNS zone to the cluster's network, or allow the cluster's "
        "outbound address in the registry's firewall"
    ),
    Reason.REGISTRY_NOT_FOUND: "fix `acrServer`, or the cluster's DNS",
    Reason.REGISTRY_UNTRUSTED: (
        "see what the message says of the certificate; the CA of a proxy or of a private registry "
        "goes into `REQUESTS_CA_BUNDLE`"
    ),
    Reason.REGISTRY_UNREACHABLE: "check firewalls, private endpoints and `HTTPS_PROXY`",
    Reason.SCOPE_REFUSED: "fix `scope`, e.g. `repository:app:pull`",
    Reason.SCOPE_NOT_GRANTED: (
        "assign the identity a role that includes what the message names, or ask for less in "
        "`scope`; the rest works"
    ),
    Reason.REGISTRY_UNAVAILABLE: (
        "nothing, acrpull retries; if it lasts, see Azure's status page, "
        "https://azure.status.microsoft"
    ),
    Reason.REGISTRY_ERROR: _CHECK_SERVER,
    Reason.MALFORMED_TOKEN: _CHECK_SERVER,
    Reason.CLOCK_SKEW: "set the node's clock",
    Reason.SERVICE_ACCOUNT_NOT_FOUND: "create the ServiceAccount, or fix `serviceAccountName`",
    Reason.TOKEN_REQUEST_REFUSED: "add the component `metacontroller/workload-identity`",
    Reason.API_SERVER_UNAVAILABLE: _UNREACHED,
    Reason.FEDERATION_REFUSED: (
        "run the `az` command that the message has; if it was run just now, wait 10 minutes"
    ),
    Reason.ISSUER_UNREACHABLE: (
        "enable the cluster's OIDC issuer; Entra must be able to read it from the internet"
    ),
    Reason.IDENTITY_REFUSED: "look up the code that the message has",
    Reason.ENTRA_UNAVAILABLE: _UNREACHED,
    Reason.TIMEOUT: "nothing, acrpull retries; if it lasts, check the network",
}
