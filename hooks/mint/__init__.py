"""Gets a registry token for a `TokenRequest`: from IMDS or Entra, then from the registry."""
