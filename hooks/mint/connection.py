"""Finds why a connection failed, from an error of requests or azure-core.

The text of such an error contains addresses. It is only searched here, and never shown.
"""

import re
from typing import Final

# http.client's text if a proxy rejects a tunnel.
# cpython@v3.11.0:Lib/http/client.py (HTTPConnection._tunnel)
TUNNEL: Final = re.compile(r"Tunnel connection failed: ([0-9]{3})")
# OpenSSL's texts. https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
UNKNOWN_CA: Final = "is not signed by a known CA"
CERTIFICATES: Final = {
    "Hostname mismatch": "is for another name",
    "IP address mismatch": "is for another name",
    "certificate has expired": "has expired, or the node's clock is wrong",
    "certificate is not yet valid": "is not valid yet, or the node's clock is wrong",
}


def proxy_problem(error: Exception, host: str) -> str | None:
    """Return why the proxy did not connect to *host*; None if no proxy is at fault."""
    shown = repr(error)
    if "ProxyError" not in shown:
        return None
    refused = TUNNEL.search(shown)
    if refused is None:
        text = f"The proxy for {host} can't be reached. Check HTTPS_PROXY"
        return f"{text}, or add the host to NO_PROXY."
    return (
        f"The proxy rejected the connection to {host} with HTTP {refused[1]}. Check the proxy's "
        "rules and the credentials in HTTPS_PROXY, or add the host to NO_PROXY."
    )


def certificate_problem(error: Exception) -> str | None:
    """Return the defect of a server's certificate; None if no certificate is at fault."""
    shown = repr(error)
    if "SSLCertVerificationError" not in shown:
        return None
    return next((what for text, what in CERTIFICATES.items() if text in shown), UNKNOWN_CA)
