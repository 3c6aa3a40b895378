"""The values that the core computes with: bindings, ServiceAccounts, Secrets, tokens."""
