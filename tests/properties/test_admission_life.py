"""The properties that hold through anything in the mode `admission`, in both apply strategies."""

from hypothesis import settings

from tests.properties.mixed_rules import MixedRules
from tests.properties.world import STRATEGIES


class AdmissionLife(MixedRules):
    """All kinds in one Namespace, on the same ServiceAccounts."""

    admission = True


class StaleAdmissionLife(AdmissionLife):
    """The same, with caches that lag behind the API server."""

    stale = 0.5


class ServerSideAdmissionLife(AdmissionLife):
    """The same under server-side apply."""

    strategy = STRATEGIES[1]


LONG = settings(max_examples=40, stateful_step_count=30)
for each in (AdmissionLife, StaleAdmissionLife, ServerSideAdmissionLife):
    each.TestCase.settings = LONG
TestAdmissionLife = AdmissionLife.TestCase
TestStaleAdmissionLife = StaleAdmissionLife.TestCase
TestServerSideAdmissionLife = ServerSideAdmissionLife.TestCase
