"""Requests for tokens to Azure and Kubernetes, and the meaning of each response. No I/O."""
