// Creates an identity that the ServiceAccount team-a/puller can use, lets it pull, and outputs its IDs.
// The registry is in the same resource group.
//
//   az deployment group create --resource-group GROUP --template-file identity.bicep --parameters registryName=myregistry \
//     issuer="$(az aks show -g GROUP -n CLUSTER --query oidcIssuerProfile.issuerUrl -o tsv)"

@description('Issuer of the cluster')
param issuer string

@description('Name of the registry, without .azurecr.io')
param registryName string

param location string = resourceGroup().location
param namespace string = 'team-a'
param serviceAccount string = 'puller'

// AcrPull. A registry with ABAC needs Container Registry Repository Reader instead.
// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/containers#acrpull
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${namespace}-puller'
  location: location
}

resource trust 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {
  parent: identity
  name: '${namespace}-${serviceAccount}'
  properties: {
    issuer: issuer
    subject: 'system:serviceaccount:${namespace}:${serviceAccount}'
    audiences: [
      'api://AzureADTokenExchange'
    ]
  }
}

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, identity.id, acrPull)
  scope: registry
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}

output clientID string = identity.properties.clientId
output tenantID string = identity.properties.tenantId
