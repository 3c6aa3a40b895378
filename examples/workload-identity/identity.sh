#!/usr/bin/env bash
# Creates an identity that the ServiceAccount team-a/puller can use, lets it pull, and prints its IDs.
# The cluster must have an OIDC issuer: az aks update -g GROUP -n CLUSTER --enable-oidc-issuer
# Usage: GROUP=<resource group> CLUSTER=<AKS cluster> REGISTRY=<registry> identity.sh
set -euo pipefail
: "${GROUP:?}" "${CLUSTER:?}" "${REGISTRY:?}"
az identity create --name team-a-puller --resource-group "$GROUP" --output none
issuer="$(az aks show --name "$CLUSTER" --resource-group "$GROUP" --query oidcIssuerProfile.issuerUrl --output tsv)"
az identity federated-credential create --name team-a-puller --identity-name team-a-puller --resource-group "$GROUP" \
  --issuer "$issuer" --subject system:serviceaccount:team-a:puller --audiences api://AzureADTokenExchange --output none
principal="$(az identity show --name team-a-puller --resource-group "$GROUP" --query principalId --output tsv)"
registry="$(az acr show --name "$REGISTRY" --query id --output tsv)"
az role assignment create --role AcrPull --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
  --scope "$registry" --output none
az identity show --name team-a-puller --resource-group "$GROUP" --query '{clientID: clientId, tenantID: tenantId}'
