"""Which binding owns a ServiceAccount, and which Secrets the ServiceAccount lists."""
