"""Every literal that is somebody's API. Knows nothing else."""

from typing import Final

# Ours.
API_VERSION: Final = "acrpull.dev/v1beta1"
KIND: Final = "ACRPullBinding"
GROUP: Final = "acrpull.dev"
PLURAL: Final = "acrpullbindings"
SECRET_PREFIX: Final = "acr-pull-"
# Azure/msi-acrpull's, "upstream": its two APIs, whose bindings are served too if so set.
# msi-acrpull@8ad7a99:api/v1beta1/groupversion_info.go, api/v1beta2/groupversion_info.go
UPSTREAM_KIND: Final = "AcrPullBinding"
UPSTREAM_V1BETA1: Final = "msi-acrpull.microsoft.com/v1beta1"
UPSTREAM_V1BETA2: Final = "acrpull.microsoft.com/v1beta2"
# On a Secret, by upstream's controller: the binding's name. It ends names of v1beta1's Secrets so.
# msi-acrpull@8ad7a99:internal/controller/acrpullbinding_controller.go (newPullSecret)
UPSTREAM_LABEL: Final = "acr.microsoft.com/binding"
UPSTREAM_SECRET_SUFFIX: Final = "-msi-acrpull-secret"
# What kinds a binding is of, by group and kind.
BINDING_KINDS: Final = frozenset(
    {
        (GROUP, KIND),
        ("msi-acrpull.microsoft.com", UPSTREAM_KIND),
        ("acrpull.microsoft.com", UPSTREAM_KIND),
    }
)
# On a ServiceAccount, by the decorator: the pull Secrets that belong on it, oldest binding first.
PULL_SECRETS_ANNOTATION: Final = "acrpull.dev/pull-secrets"
# On a ServiceAccount, by its owner: which entries of imagePullSecrets are ours and not the user's.
ATTACHED_ANNOTATION: Final = "acrpull.dev/attached"
# On a Namespace, by the cluster's owner: who may be used and asked there, comma separated.
IDENTITIES_ANNOTATION: Final = "acrpull.dev/allowed-identities"
SERVERS_ANNOTATION: Final = "acrpull.dev/allowed-acr-servers"
# On a Secret: a hash of what its token was made from; of one of upstream's, at first this word.
INPUTS_ANNOTATION: Final = "acrpull.dev/token-inputs"
INHERITED: Final = "inherited"

# Metacontroller v4.17.2.
# With generateSelector, children are selected by this label.
# metacontroller@v4.17.2:pkg/controller/composite/controller.go:755
UID_LABEL: Final = "controller-uid"
# Left by the apply strategy dynamic-apply, stripped by server-side-apply.
# metacontroller@v4.17.2:pkg/dynamic/apply/apply.go:34
LAST_APPLIED_ANNOTATION: Final = "metacontroller.k8s.io/last-applied-configuration"
# metacontroller@v4.17.2:pkg/controller/composite/controller.go:215
FINALIZER_PREFIX: Final = "metacontroller.io/"
# metacontroller@v4.17.2:pkg/controller/common/api/v2/common.go (GroupVersionKind.MarshalText)
SECRETS: Final = "Secret.v1"
SERVICE_ACCOUNTS: Final = "ServiceAccount.v1"
NAMESPACES: Final = "Namespace.v1"

# Kubernetes.
# A deletion with one of these leaves the children to the garbage collector.
# kubernetes@v1.36.0:staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go
FOREGROUND_FINALIZERS: Final = frozenset({"foregroundDeletion", "orphan"})
SECRET_TYPE: Final = "kubernetes.io/dockerconfigjson"
DOCKER_CONFIG_KEY: Final = ".dockerconfigjson"
MAX_NAME_LENGTH: Final = 253  # characters; a DNS-1123 subdomain
# Characters of a condition's message; the API server rejects a status with a longer one.
# kubernetes@v1.36.0:staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go (Condition)
MAX_MESSAGE_LENGTH: Final = 32768
# kubernetes@v1.36.0:staging/src/k8s.io/apiserver/pkg/authentication/serviceaccount/util.go
ACCOUNT_SUBJECT: Final = "system:serviceaccount:"

# Azure.
# The user that says "the password is an ACR token".
# https://github.com/Azure/acr/blob/81b818e/docs/AAD-OAuth.md
NULL_GUID: Final = "00000000-0000-0000-0000-000000000000"
# What upstream's docker configs say besides; nobody reads it.
# msi-acrpull@8ad7a99:pkg/authorizer/util.go (CreateACRDockerCfg)
UPSTREAM_EMAIL: Final = "msi-acrpull@azurecr.io"
# The audience that every registry accepts, also with tokens for ARM switched off.
# https://learn.microsoft.com/azure/container-registry/container-registry-disable-authentication-as-arm
ACR_AUDIENCE: Final = "https://containerregistry.azure.net"
# https://github.com/kubernetes-sigs/cloud-provider-azure/blob/7b31c76/pkg/azclient/cloud.go
ACR_SERVER_SUFFIXES: Final = ("azurecr.io", "azurecr.cn", "azurecr.us")
# On a ServiceAccount: the identity that trusts it, for a Pod and for us.
# https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
CLIENT_ID_ANNOTATION: Final = "azure.workload.identity/client-id"
TENANT_ID_ANNOTATION: Final = "azure.workload.identity/tenant-id"
# The audience of tokens that Entra exchanges: Azure's, and the default of upstream's controller.
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust
# msi-acrpull@8ad7a99:cmd/main.go (service-account-token-audience)
UPSTREAM_FEDERATION_AUDIENCE: Final = "api://AzureCRTokenExchange"
FEDERATION_AUDIENCE: Final = "api://AzureADTokenExchange"
