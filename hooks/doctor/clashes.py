"""Names of Secrets that somebody else has or wants, which the service says by SecretNameTaken."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hooks.doctor.diagnosis import Diagnosis
from hooks.doctor.holder import Holder


def settled(diagnoses: Iterable[Diagnosis], secrets: Iterable[Holder]) -> list[Diagnosis]:
    """Return *diagnoses*; one whose Secret another wants, or *secrets* has, has that problem."""
    known, there = tuple(diagnoses), tuple(secrets)
    found = []
    for one in known:
        problems = tuple(dict.fromkeys(_clashes(one, known, there)))
        found.append(replace(one, problems=problems, plan=None) if problems else one)
    return found


def _clashes(
    one: Diagnosis, known: tuple[Diagnosis, ...], secrets: tuple[Holder, ...]
) -> Iterator[str]:
    if one.plan is None:  # it gets no Secret
        return
    who, secret = (one.kind, one.name), (one.namespace, one.plan.secret_name)
    for other in known:
        wanted = other.plan and (other.namespace, other.plan.secret_name)
        if wanted == secret and (other.kind, other.name) != who:
            yield (
                f"Secret {secret[1]}: {other.kind} {other.name} wants it, too, and one of them "
                f"can have it (SecretNameTaken); name one differently, e.g. {one.name}-2"
            )
    for holder in secrets:
        if (holder.namespace, holder.name) == secret and holder.owner != who:
            yield (
                f"Secret {secret[1]}: the one in this file is another's (SecretNameTaken); delete "
                f"it, or name the binding differently, e.g. {one.name}-2"
            )
