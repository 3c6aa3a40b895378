"""An Azure on loopback: IMDS, the token endpoints of ACR and a tiny registry, in Azure's formats.

Serves any client of Azure. Knows nothing about the hooks except the name of a variable.
"""

from tests.emulator.emulator import Emulator
from tests.emulator.entra import FederatedCredential
from tests.emulator.fault import Fault, FaultBook
from tests.emulator.identity import Identity
from tests.emulator.incidents import (
    acr_throttled,
    denied,
    entra_refused,
    firewall,
    identity_not_found,
    imds_entra_refused,
    imds_throttled,
    kubernetes_refused,
    multiple_identities,
    no_role,
    registry_down,
    unknown_resource,
    web_page,
)
from tests.emulator.record import RequestRecord
from tests.emulator.scope import Scope
from tests.emulator.unreachable import refusing, silent

__all__ = [
    "Emulator",
    "Fault",
    "FaultBook",
    "FederatedCredential",
    "Identity",
    "RequestRecord",
    "Scope",
    "acr_throttled",
    "denied",
    "entra_refused",
    "firewall",
    "identity_not_found",
    "imds_entra_refused",
    "imds_throttled",
    "kubernetes_refused",
    "multiple_identities",
    "no_role",
    "refusing",
    "registry_down",
    "silent",
    "unknown_resource",
    "web_page",
]
