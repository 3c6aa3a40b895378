"""What each hook does, from a decoded body to one to encode. Knows no HTTP."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from hooks.core import finalize as finalizer
from hooks.core import sync as binding
from hooks.core.account import decorator as service_account
from hooks.core.account import takeover
from hooks.core.apis import OURS
from hooks.core.apis.api import Api
from hooks.core.fields import JSON
from hooks.core.model.token import AcrToken, MintFailed, TokenRequest
from hooks.core.policy.policy import Policy
from hooks.core.renewal.decision import Decision, Keep, Mint, decide
from hooks.core.wire import response as answer
from hooks.core.wire.request import (
    parse_bindings,
    parse_decorated_secret,
    parse_namespace_of,
    parse_observed,
    parse_parent,
    parse_parent_namespace,
    parse_parent_secret,
    parse_target,
)
from hooks.schemas import check_spec

Minting = Callable[[TokenRequest, datetime | None, str], AcrToken | MintFailed]
Clock = Callable[[], datetime]
Telling = Callable[[str, timedelta | None], None]


class Hooks:
    """The seven hooks: a decoded body in, a body to encode out. Each raises `BadRequest`.

    *tell* is told where the token in an answer to `sync` is from, and how long it still works;
    *apis* are those that the cluster has bindings of.
    """

    def __init__(
        self,
        policy: Policy,
        mint: Minting,
        clock: Clock,
        tell: Telling = lambda *_: None,
        apis: Iterable[Api] = (OURS,),
    ) -> None:
        self._policy = policy
        self._mint = mint
        self._clock = clock
        self._tell = tell
        self._apis = tuple(apis)

    def sync(self, body: JSON) -> JSON:
        """Answer the CompositeController's `sync`."""
        observed = parse_observed(body, check_spec)
        policy = replace(self._policy, namespace=observed.namespace)
        decision = decide(observed, policy, self._clock())
        outcome = None
        if isinstance(decision, Mint):
            namespace = observed.binding.namespace
            outcome = self._mint(decision.request, decision.newer_than, namespace)
        now = self._clock()
        result = binding.sync(observed, decision, outcome, policy, now)
        token = result.secret.token if result.secret else None
        self._tell(_source(decision, outcome), token.expires_at - now if token else None)
        return answer.new_answer(observed.binding, result, finalizing=False)

    def finalize(self, body: JSON) -> JSON:
        """Answer the CompositeController's `finalize`."""
        observed = parse_observed(body, check_spec, finalizing=True)
        policy = replace(self._policy, namespace=observed.namespace)
        result = finalizer.finalize(observed, policy, self._clock())
        return answer.new_answer(observed.binding, result, finalizing=True)

    def customize(self, body: JSON) -> JSON:
        """Answer the CompositeController's `customize`."""
        return answer.new_rules(parse_parent(body, check_spec))

    def decorate(self, body: JSON) -> JSON:
        """Answer the DecoratorController's `sync`."""
        account, bindings = parse_target(body), parse_bindings(body, check_spec)
        policy = replace(self._policy, namespace=parse_namespace_of(body, account))
        return answer.new_decoration(service_account.decorate(account, bindings, policy))

    def take_over(self, body: JSON) -> JSON:
        """Answer the `sync` of the DecoratorController of Secrets."""
        secret, bindings = parse_decorated_secret(body), parse_bindings(body, check_spec)
        return answer.new_decoration(takeover.take_over(secret, bindings))

    def take_over_customize(self, body: JSON) -> JSON:
        """Answer the `customize` of the DecoratorController of Secrets."""
        return answer.new_secret_rules(parse_parent_secret(body), self._apis)

    def decorate_customize(self, body: JSON) -> JSON:
        """Answer the DecoratorController's `customize`."""
        return answer.new_decorator_rules(parse_parent_namespace(body), self._apis)


def _source(decision: Decision, outcome: AcrToken | MintFailed | None) -> str:
    """Return where the token in an answer is from, for the log."""
    if isinstance(decision, Mint):
        return "minted" if isinstance(outcome, AcrToken) else "failed"
    return "kept" if isinstance(decision, Keep) else "held"
