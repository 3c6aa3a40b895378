"""Start here: the nine hooks, from a decoded body to the body of the response. Knows no HTTP.

Each hook raises `BadRequest` if the body is malformed. The hooks with a large body empty the body
after they have read it, because a decoded body needs up to 32 times the memory of its text.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from hooks.core.account.admission import annotate
from hooks.core.account.decoration import Decoration
from hooks.core.account.decorator import decorate
from hooks.core.apis import OURS
from hooks.core.apis.api import Api
from hooks.core.fields import JSON
from hooks.core.finalize import finalize
from hooks.core.model.token import AcrToken, Outcome, TokenRequest
from hooks.core.policy.decision_settings import Policy
from hooks.core.renewal.decision import Decision, Keep, Mint, MintReason, decide
from hooks.core.renewal.resolve import resolve
from hooks.core.renewal.takeover import take_over
from hooks.core.sync import sync
from hooks.core.wire import response
from hooks.core.wire.fleet_json import new_fleet_answer, new_fleet_rules, parse_fleet
from hooks.core.wire.request import (
    parse_bindings,
    parse_decorated_account,
    parse_decorated_secret,
    parse_observed,
    parse_parent,
    parse_parent_account,
    parse_parent_secret,
    parse_related_secrets,
)
from hooks.schemas import check_cluster_spec, check_spec

Minting = Callable[[TokenRequest, datetime | None, str], Outcome]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Reply:
    """The body of a response, and facts for the request log.

    Attributes:
        token: The source of the token in the Secret: "minted", "kept", "held" or "failed". None for
            a hook other than `sync`.
        mint_reason: Why a token was needed; None if no token was requested.
        remaining: The remaining lifetime of the token in the Secret; None without a token.
    """

    body: JSON
    token: str | None = None
    mint_reason: MintReason | None = None
    remaining: timedelta | None = None


class Hooks:
    """The hooks under *policy*.

    *mint* takes a request, the issue time of the token to replace, and the binding's Namespace.
    *clock* returns the time in UTC. *apis* are the APIs with bindings in the cluster.
    """

    def __init__(
        self, policy: Policy, mint: Minting, clock: Clock, apis: Iterable[Api] = (OURS,)
    ) -> None:
        self._policy = policy
        self._mint = mint
        self._clock = clock
        self._apis = tuple(apis)

    def sync(self, body: JSON) -> Reply:
        """Return the desired Secret and ServiceAccounts of a binding, and its status."""
        observed = parse_observed(body, check_spec)
        body.clear()
        wanted = resolve(observed, self._policy)
        decision = decide(observed, wanted, self._policy, self._clock())
        outcome = None
        if isinstance(decision, Mint):
            namespace = observed.binding.namespace
            outcome = self._mint(decision.request, decision.newer_than, namespace)
        now = self._clock()  # a token request takes seconds
        answer = sync(observed, wanted, decision, outcome, self._policy, now)
        token = answer.secret.token if answer.secret else None
        return Reply(
            response.new_answer(observed.binding, answer, finalizing=False),
            token=_source(decision, outcome),
            mint_reason=decision.reason if isinstance(decision, Mint) else None,
            remaining=token.expires_at - now if token else None,
        )

    def finalize(self, body: JSON) -> Reply:
        """Return the desired objects of a binding that is being deleted."""
        observed = parse_observed(body, check_spec, finalizing=True)
        body.clear()
        wanted = resolve(observed, self._policy)
        answer = finalize(observed, wanted, self._policy, self._clock())
        return Reply(response.new_answer(observed.binding, answer, finalizing=True))

    def customize(self, body: JSON) -> Reply:
        """Return the objects that `sync` of a binding needs in addition to its children."""
        binding = parse_parent(body, check_spec)
        return Reply(response.new_rules(binding, self._policy.admission_version))

    def sync_cluster(self, body: JSON) -> Reply:
        """Return the desired bindings of a ClusterACRPullBinding, and its status."""
        fleet = parse_fleet(body, check_cluster_spec)
        body.clear()
        return Reply(new_fleet_answer(fleet, self._clock()))

    def customize_cluster(self, body: JSON) -> Reply:
        """Return the objects that `sync_cluster` needs in addition to the children."""
        return Reply(new_fleet_rules(body, check_cluster_spec))

    def decorate(self, body: JSON) -> Reply:
        """Return the desired labels and annotations of a ServiceAccount."""
        account, secrets = parse_decorated_account(body), parse_related_secrets(body, self._apis)
        body.clear()
        if secrets is None:
            decoration = Decoration()
        elif self._policy.admission_version is not None:
            decoration = annotate(account, secrets, self._clock())
        else:
            decoration = decorate(account, secrets)
        return Reply(response.new_decoration(decoration))

    def take_over(self, body: JSON) -> Reply:
        """Return the desired labels and annotations of a Secret."""
        secret, bindings = parse_decorated_secret(body), parse_bindings(body, check_spec)
        return Reply(response.new_decoration(take_over(secret, bindings, self._apis)))

    def take_over_customize(self, body: JSON) -> Reply:
        """Return the bindings that may take over a Secret."""
        return Reply(response.new_secret_rules(parse_parent_secret(body), self._apis))

    def decorate_customize(self, body: JSON) -> Reply:
        """Return the Secrets that belong to a ServiceAccount."""
        return Reply(response.new_decorator_rules(parse_parent_account(body)))


def _source(decision: Decision, outcome: Outcome | None) -> str:
    """Return the source of the token in the Secret, for the request log."""
    if isinstance(decision, Mint):
        return "minted" if isinstance(outcome, AcrToken) else "failed"
    return "kept" if isinstance(decision, Keep) else "held"
