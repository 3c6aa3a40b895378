"""Which bindings does a ClusterACRPullBinding create, and are the bindings ready?"""
