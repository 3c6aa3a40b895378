"""The values of the core: bindings, ServiceAccounts, Secrets, tokens."""
