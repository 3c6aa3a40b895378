"""How Hypothesis runs here: on CI, which it detects by itself, it picks the same cases each time."""

from hypothesis import settings

settings.register_profile("properties", settings(), deadline=None)
settings.load_profile("properties")
