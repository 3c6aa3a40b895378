"""An in-memory model of Metacontroller v4.17.2 on the parts of an API server that it needs.

Each rule names its source; a line number goes with the release that its module names.
"""

from tests.model.clock import Clock
from tests.model.cluster import Cluster
from tests.model.hook import Call, HotLoop, Post
from tests.model.metacontroller import Metacontroller
from tests.model.samples import binding, namespace, service_account

__all__ = [
    "Call",
    "Clock",
    "Cluster",
    "HotLoop",
    "Metacontroller",
    "Post",
    "binding",
    "namespace",
    "service_account",
]
