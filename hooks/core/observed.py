"""The objects that a hook request contains, seen from the binding."""

from dataclasses import dataclass
from functools import cached_property

from hooks.core.account.ownership import is_ambiguous, is_protected
from hooks.core.account.release import blocks_deletion
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Namespace, PullSecret, ServiceAccount
from hooks.core.names import FOREGROUND_FINALIZERS


@dataclass(frozen=True)  # without slots, because cached properties need a __dict__
class Observed:
    """One request to `/sync` or `/finalize`.

    Attributes:
        binding: The parent of the request.
        secret: The binding's Secret; None if there is none.
        secret_taken: Whether another owner's Secret has the name of the binding's Secret.
        accounts: The children: the binding's ServiceAccounts. The response must contain all.
        related: The ServiceAccounts that the binding names, now or according to the status, or all
            of the Namespace; None if a user wrote the request without ServiceAccounts.
        namespace: The binding's Namespace; None while unknown.
        dynamic_apply: Whether Metacontroller's apply strategy is dynamic-apply; None while unknown.
        secret_left: Whether the Secret of an earlier binding has this name and no owner, for
            example in a restored Namespace. `/secret/sync` gives such a Secret to this binding.
        missing_policies: The kinds of the admission policy's objects that do not exist; None in the
            mode `adoption`.
    """

    binding: Binding
    secret: PullSecret | None
    secret_taken: bool
    accounts: tuple[ServiceAccount, ...]
    related: tuple[ServiceAccount, ...] | None
    namespace: Namespace | None
    dynamic_apply: bool | None
    secret_left: bool = False
    missing_policies: tuple[str, ...] | None = None

    @cached_property
    def targets(self) -> tuple[ServiceAccount, ...]:
        """The ServiceAccounts that the binding names and that exist, sorted by name.

        Without the ServiceAccounts under deletion if the binding targets every ServiceAccount.
        """
        targets = self.binding.targets
        if targets is None:
            return ()
        known = {a.name: a for a in (*self.accounts, *(self.related or ())) if a.name in targets}
        leaving = {name for name, account in known.items() if targets.every and account.deleting}
        return tuple(known[name] for name in sorted(known.keys() - leaving))

    @cached_property
    def listing(self) -> tuple[ServiceAccount, ...]:
        """The targets that list the Secret."""
        return tuple(a for a in self.targets if self.binding.secret_name in a.pull_secrets)

    @cached_property
    def unlisting(self) -> tuple[ServiceAccount, ...]:
        """The targets that do not list the Secret."""
        return tuple(a for a in self.targets if self.binding.secret_name not in a.pull_secrets)

    @property
    def unprotected(self) -> tuple[ServiceAccount, ...]:
        """The children without a protective owner reference; none while *namespace* is unknown.

        The garbage collector would delete such a child together with the binding.
        """
        if self.namespace is None:
            return ()
        return tuple(
            a for a in self.accounts if not a.deleting and not is_protected(a, self.namespace)
        )

    @property
    def strategy_unknown(self) -> bool:
        """True if an owner reference depends on the apply strategy, and the strategy is unknown.

        See `hooks.core.account.ownership.desired_owners`.
        """
        if self.dynamic_apply is not None:
            return False
        same = self.binding.name == self.binding.namespace
        return same or any(is_ambiguous(self.binding, a) for a in self.accounts)

    @property
    def unmanaged(self) -> bool:
        """Whether the deletion leaves the children to the garbage collector.

        metacontroller@v4.17.2:pkg/controller/common/finalizer/finalizer.go (ShouldFinalize)
        """
        return not FOREGROUND_FINALIZERS.isdisjoint(self.binding.other_finalizers)

    @property
    def can_create(self) -> bool:
        """Whether a Secret can be created: neither binding nor Namespace is being deleted."""
        terminating = self.namespace is not None and self.namespace.terminating
        return not (self.binding.deleting or terminating)

    @property
    def blocking(self) -> tuple[ServiceAccount, ...]:
        """The ServiceAccounts that block the deletion of the binding."""
        related = {account.name: account for account in self.related or ()}
        accounts = {**{account.name: account for account in self.accounts}, **related}
        can_release = not self.strategy_unknown
        return tuple(
            account
            for account in accounts.values()
            if blocks_deletion(
                self.binding,
                account,
                self.namespace,
                taken=self.secret_taken,
                can_release=can_release,
            )
        )
