"""The project on a real control plane, with a real Metacontroller, registry and client."""

import pytest

pytest.register_assert_rewrite("tests.e2e.recorder", "tests.e2e.scene")
