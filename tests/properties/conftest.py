"""How Hypothesis runs here; on CI, which it sees by itself, it tries the same cases each time."""

from hypothesis import settings

settings.register_profile("properties", settings(), deadline=None)
settings.load_profile("properties")
