"""An in-memory model of Metacontroller v4.17.2, and of the API server as far as necessary.

Each rule names its source. A line number belongs to the release in the docstring of the module.
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
