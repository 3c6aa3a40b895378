# Creates an identity that the ServiceAccount team-a/puller can use, lets it pull, and outputs its IDs.
#
#   terraform apply -var resource_group=GROUP -var cluster=CLUSTER -var registry=myregistry

terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
  }
}

provider "azurerm" {
  features {}
}

variable "resource_group" { type = string }
variable "cluster" { type = string }
variable "registry" { type = string }

variable "namespace" {
  type    = string
  default = "team-a"
}

variable "service_account" {
  type    = string
  default = "puller"
}

data "azurerm_kubernetes_cluster" "cluster" {
  name                = var.cluster
  resource_group_name = var.resource_group
}

data "azurerm_container_registry" "registry" {
  name                = var.registry
  resource_group_name = var.resource_group
}

resource "azurerm_user_assigned_identity" "puller" {
  name                = "${var.namespace}-puller"
  location            = data.azurerm_kubernetes_cluster.cluster.location
  resource_group_name = var.resource_group
}

resource "azurerm_federated_identity_credential" "trust" {
  name                = "${var.namespace}-${var.service_account}"
  resource_group_name = var.resource_group
  parent_id           = azurerm_user_assigned_identity.puller.id
  issuer              = data.azurerm_kubernetes_cluster.cluster.oidc_issuer_url
  subject             = "system:serviceaccount:${var.namespace}:${var.service_account}"
  audience            = ["api://AzureADTokenExchange"]
}

# A registry with ABAC needs the role Container Registry Repository Reader instead.
resource "azurerm_role_assignment" "pull" {
  scope                = data.azurerm_container_registry.registry.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.puller.principal_id
  principal_type       = "ServicePrincipal"
}

output "client_id" {
  value = azurerm_user_assigned_identity.puller.client_id
}

output "tenant_id" {
  value = azurerm_user_assigned_identity.puller.tenant_id
}
