"""The project on a real control plane, with a real Metacontroller, registry and client."""
