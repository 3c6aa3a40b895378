"""The demo: acrpull turns a binding into a pull Secret, and an image is pulled with the Secret.

acrpull is the real service in its own processes. The emulator replaces Azure. The demo itself plays
Metacontroller and the container runtime.
"""
