"""Properties of the hooks, driven through the model of Metacontroller over a virtual cluster."""
