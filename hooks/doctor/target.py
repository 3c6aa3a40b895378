"""The ServiceAccount that a binding is for, as far as a file shows it."""

from collections.abc import Iterable

from hooks.core.cluster import ServiceAccount
from hooks.core.model import Binding
from hooks.core.ownership import is_binding, is_foreign, is_guard


def left_alone(binding: Binding, accounts: Iterable[ServiceAccount]) -> ServiceAccount | None:
    """Return *binding*'s ServiceAccount where it is among *accounts*, and another controller's."""
    wanted = (binding.namespace, binding.service_account_name)
    return next((a for a in accounts if (a.namespace, a.name) == wanted and is_foreign(a)), None)


def note(account: ServiceAccount, secret: str) -> str:
    """Return what to do about an *account* that is left alone."""
    owner = next(o for o in account.owners if not (is_binding(o) or is_guard(o, account)))
    text = f"ServiceAccount {account.name} belongs to {owner.kind} {owner.name} and is left alone"
    if secret in account.pull_secrets:
        return f"{text}; it lists Secret {secret} already"
    return f"{text} (ServiceAccountOwned): list Secret {secret} in its imagePullSecrets there"
