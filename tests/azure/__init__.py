"""The emulated Azure, through HTTP: with requests, and with the real azure-identity."""
