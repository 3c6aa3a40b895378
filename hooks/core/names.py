"""The names of the APIs of acrpull, Metacontroller, Kubernetes and Azure. Imports no module."""

from typing import Final

# acrpull.
API_VERSION: Final = "acrpull.dev/v1beta1"
KIND: Final = "ACRPullBinding"
GROUP: Final = "acrpull.dev"
PLURAL: Final = "acrpullbindings"
CLUSTER_KIND: Final = "ClusterACRPullBinding"
CLUSTER_PLURAL: Final = "clusteracrpullbindings"
SECRET_PREFIX: Final = "acr-pull-"
# Azure/msi-acrpull, "upstream" in names: its two APIs. A setting lets acrpull serve their bindings.
# msi-acrpull@8ad7a99:api/v1beta1/groupversion_info.go, api/v1beta2/groupversion_info.go
UPSTREAM_KIND: Final = "AcrPullBinding"
UPSTREAM_V1BETA1: Final = "msi-acrpull.microsoft.com/v1beta1"
UPSTREAM_V1BETA2: Final = "acrpull.microsoft.com/v1beta2"
# On a Secret, set by msi-acrpull: the binding's name. The suffix ends the Secret names of v1beta1.
# msi-acrpull@8ad7a99:internal/controller/acrpullbinding_controller.go (newPullSecret)
UPSTREAM_LABEL: Final = "acr.microsoft.com/binding"
UPSTREAM_SECRET_SUFFIX: Final = "-msi-acrpull-secret"
# The group and kind of all bindings.
BINDING_KINDS: Final = frozenset(
    {
        (GROUP, KIND),
        ("msi-acrpull.microsoft.com", UPSTREAM_KIND),
        ("acrpull.microsoft.com", UPSTREAM_KIND),
    }
)
# On a ServiceAccount, set by the decorator: its desired pull Secrets, the oldest Secret first.
PULL_SECRETS_ANNOTATION: Final = "acrpull.dev/pull-secrets"
# In this annotation, before a name that must leave imagePullSecrets.
REMOVE: Final = "-"
# In this annotation, in the mode `admission`, before the number and the time of a repeated write.
REPEATED: Final = "@"
# On a ServiceAccount, set by the owning binding: the imagePullSecrets entries managed by acrpull.
ATTACHED_ANNOTATION: Final = "acrpull.dev/attached"
# On a Secret: the start of a label for each ServiceAccount of its binding. The name of the
# ServiceAccount follows; see `hooks.core.account.relation`.
TARGET_LABEL_PREFIX: Final = "serviceaccount.acrpull.dev/"
# For all ServiceAccounts. No ServiceAccount has a name in upper case.
ALL_TARGETS_LABEL: Final = f"{TARGET_LABEL_PREFIX}ALL"
# On a Namespace, set by a cluster administrator: the allowed identities and the allowed registries,
# as comma-separated lists.
IDENTITIES_ANNOTATION: Final = "acrpull.dev/allowed-identities"
SERVERS_ANNOTATION: Final = "acrpull.dev/allowed-acr-servers"
# On a Secret: a hash of the inputs of its token. At first, a Secret taken over from msi-acrpull has
# the value `INHERITED`.
INPUTS_ANNOTATION: Final = "acrpull.dev/token-inputs"
INHERITED: Final = "inherited"

# Metacontroller v4.17.2.
# With generateSelector, Metacontroller selects children by this label.
# metacontroller@v4.17.2:pkg/controller/composite/controller.go:755
UID_LABEL: Final = "controller-uid"
# Set by the apply strategy dynamic-apply, removed by server-side-apply.
# metacontroller@v4.17.2:pkg/dynamic/apply/apply.go:34
LAST_APPLIED_ANNOTATION: Final = "metacontroller.k8s.io/last-applied-configuration"
# metacontroller@v4.17.2:pkg/controller/composite/controller.go:215
FINALIZER_PREFIX: Final = "metacontroller.io/"
# metacontroller@v4.17.2:pkg/controller/common/api/v2/common.go (GroupVersionKind.MarshalText)
SECRETS: Final = "Secret.v1"
SERVICE_ACCOUNTS: Final = "ServiceAccount.v1"
NAMESPACES: Final = "Namespace.v1"
# The objects of metacontroller/admission, both of this name.
ADMISSION_POLICY: Final = "acrpull-serviceaccounts"
ADMISSION_GROUP: Final = "admissionregistration.k8s.io"
ADMISSION_KINDS: Final = ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding")
ADMISSION_RESOURCES: Final = ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")

# Kubernetes.
# If a deleted object has one of these finalizers, the garbage collector handles its children.
# kubernetes@v1.36.0:staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go
FOREGROUND_FINALIZERS: Final = frozenset({"foregroundDeletion", "orphan"})
SECRET_TYPE: Final = "kubernetes.io/dockerconfigjson"
DOCKER_CONFIG_KEY: Final = ".dockerconfigjson"
MAX_NAME_LENGTH: Final = 253  # characters; a DNS-1123 subdomain
# Maximum length of a condition's message in characters. The API server rejects longer messages.
# kubernetes@v1.36.0:staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go (Condition)
MAX_MESSAGE_LENGTH: Final = 32768
# kubernetes@v1.36.0:staging/src/k8s.io/apiserver/pkg/authentication/serviceaccount/util.go
ACCOUNT_SUBJECT: Final = "system:serviceaccount:"

# Azure.
# With this user name, a registry expects an ACR token as the password.
# https://github.com/Azure/acr/blob/81b818e/docs/AAD-OAuth.md
NULL_GUID: Final = "00000000-0000-0000-0000-000000000000"
# The email in msi-acrpull's docker configs. No client reads this field.
# msi-acrpull@8ad7a99:pkg/authorizer/util.go (CreateACRDockerCfg)
UPSTREAM_EMAIL: Final = "msi-acrpull@azurecr.io"
# Every registry accepts this audience, even if authentication-as-arm is disabled.
# https://learn.microsoft.com/azure/container-registry/container-registry-disable-authentication-as-arm
ACR_AUDIENCE: Final = "https://containerregistry.azure.net"
# https://github.com/kubernetes-sigs/cloud-provider-azure/blob/7b31c76/pkg/azclient/cloud.go
ACR_SERVER_SUFFIXES: Final = ("azurecr.io", "azurecr.cn", "azurecr.us")
# On a ServiceAccount: the identity that trusts the ServiceAccount, for Pods and for acrpull.
# https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
CLIENT_ID_ANNOTATION: Final = "azure.workload.identity/client-id"
TENANT_ID_ANNOTATION: Final = "azure.workload.identity/tenant-id"
# Audiences of the tokens that Entra exchanges: msi-acrpull's default, and Azure's default.
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust
# msi-acrpull@8ad7a99:cmd/main.go (service-account-token-audience)
UPSTREAM_FEDERATION_AUDIENCE: Final = "api://AzureCRTokenExchange"
FEDERATION_AUDIENCE: Final = "api://AzureADTokenExchange"
