"""The ServiceAccount that a binding is for, as far as a file shows it."""

from collections.abc import Iterable

from hooks.core.cluster import ServiceAccount
from hooks.core.model import Binding
from hooks.core.ownership import foreign_controller


def left_alone(binding: Binding, accounts: Iterable[ServiceAccount], secret: str) -> str | None:
    """Return what to do where *binding*'s, among *accounts*, is another controller's.

    *secret* is what it would list.
    """
    wanted = (binding.namespace, binding.service_account_name)
    account = next((a for a in accounts if (a.namespace, a.name) == wanted), None)
    owner = foreign_controller(account) if account else None
    if account is None or owner is None:
        return None
    text = f"ServiceAccount {account.name} belongs to {owner.kind} {owner.name} and is left alone"
    if secret in account.pull_secrets:
        return f"{text}; it lists Secret {secret} already"
    return f"{text} (ServiceAccountOwned): list Secret {secret} in its imagePullSecrets there"
