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
        lines = (*_wanted(one, known), *_had(one, there))
        problems = tuple(dict.fromkeys(lines))
        found.append(replace(one, problems=problems, plan=None) if problems else one)
    return found


def _wanted(one: Diagnosis, known: tuple[Diagnosis, ...]) -> Iterator[str]:
    for other in known:
        if (other.kind, other.name) != (one.kind, one.name) and _secret(other) == _secret(one):
            yield (
                f"Secret {_name(one)}: {other.kind} {other.name} wants it, too, and one of them "
                f"can have it (SecretNameTaken); name one differently, e.g. {one.name}-2"
            )


def _had(one: Diagnosis, secrets: tuple[Holder, ...]) -> Iterator[str]:
    for secret in secrets:
        foreign = secret.owner != (one.kind, one.name)
        if foreign and (secret.namespace, secret.name) == _secret(one):
            yield (
                f"Secret {_name(one)}: the one in this file is another's (SecretNameTaken); delete "
                f"it, or name the binding differently, e.g. {one.name}-2"
            )


def _secret(one: Diagnosis) -> tuple[str | None, str] | object:
    """Return Namespace and name of the Secret; of a binding that gets none, what equals nothing."""
    return (one.namespace, one.plan.secret_name) if one.plan else object()


def _name(one: Diagnosis) -> str:
    return one.plan.secret_name if one.plan else ""
