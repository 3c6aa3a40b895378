"""The report for programs: the object of `--output json`. All keys are always present."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from hooks.core.fields import JSON
from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.doctor.commands import commands
from hooks.doctor.diagnosis import Diagnosis, Plan
from hooks.doctor.hops import HopResult, hop_requests
from hooks.log import redact
from hooks.settings.federation_settings import FederationSettings

KEYS = """\
keys of --output json (null if there is no value, e.g. for a binding with problems):
  ok          true if there is no problem
  file        the file's name, - for stdin
  problems    of the file: lines
  notes       on the file: lines
  identitySource, workloadIdentity
              the settings IDENTITY_SOURCE and WORKLOAD_IDENTITY
  authority   the URL of Entra, if one of these settings uses it
  ignored     other objects in the file: "kind namespace/name"
  bindings    a list of objects:
    kind, name, namespace
    accepted  true if an API server would accept the binding
    ok, problems, notes
    secretName
    serviceAccountName, serviceAccountNames
              one of them is null
    server    {name, default}; default: true for the service's default
    identity  {clientID, resourceID, default}: one of the IDs is null; a workload identity:
              {clientID, resourceID, default, tenantID, serviceAccount}: serviceAccount is null for
              the service's own token
    commands  {cloud, mode, rbac, abac, nodes, trust}: for the Azure CLI; the output of mode
              shows whether rbac or abac applies
    requests  [{name, method, url, headers, form}], with placeholders for tokens
    children  [Secret, ServiceAccount...], with <token> for the token and without ownerReferences
    live      with --live: [{hop, milliseconds, message, reason}]; reason: null after success
"""


@dataclass(frozen=True, slots=True)
class BindingReport:
    """A binding's diagnosis, and the results of `--live`; None if no request was sent."""

    diagnosis: Diagnosis
    live: tuple[HopResult, ...] | None = None

    @property
    def ok(self) -> bool:
        """True if there is no problem and no request failed."""
        return not self.diagnosis.problems and not any(result.reason for result in self.live or ())


@dataclass(frozen=True, slots=True)
class Report:
    """The report on a file."""

    file: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    ignored: tuple[str, ...]
    bindings: tuple[BindingReport, ...]

    @property
    def ok(self) -> bool:
        """True if there is no problem in the file."""
        return not self.problems and all(binding.ok for binding in self.bindings)


def new_report(report: Report, environ: Mapping[str, str], federation: FederationSettings) -> JSON:
    """Return *report* as a JSON object, without tokens.

    *environ* can contain the address of IMDS, *federation* has the address of Entra.
    """
    return {
        "ok": report.ok,
        "file": report.file,
        "problems": _redacted(report.problems),
        "notes": _redacted(report.notes),
        **federation.log_fields(),
        "ignored": list(report.ignored),
        "bindings": [_new_binding(binding, environ, federation) for binding in report.bindings],
    }


def _new_binding(
    binding: BindingReport, environ: Mapping[str, str], federation: FederationSettings
) -> JSON:
    diagnosis, live = binding.diagnosis, binding.live
    return {
        "kind": diagnosis.kind,
        "name": diagnosis.name,
        "namespace": diagnosis.namespace,
        "accepted": diagnosis.accepted,
        "ok": binding.ok,
        "problems": _redacted(diagnosis.problems),
        "notes": _redacted(diagnosis.notes),
        **_new_plan(diagnosis.plan, environ, federation),
        "live": None if live is None else [asdict(result) for result in live],
    }


def _redacted(lines: Iterable[str]) -> list[str]:
    """Return *lines* without tokens, because a user may put a token into the wrong field."""
    return [redact(line) for line in lines]


def _new_plan(
    plan: Plan | None, environ: Mapping[str, str], federation: FederationSettings
) -> JSON:
    if plan is None:
        keys = (
            "secretName", "serviceAccountName", "serviceAccountNames", "server", "identity",
            "commands", "requests", "children",
        )  # fmt: skip
        return dict.fromkeys(keys)
    request = plan.request
    identity = request.identity
    return {
        "secretName": plan.secret_name,
        "serviceAccountName": plan.targets.only,
        "serviceAccountNames": plan.targets.listed if plan.targets.is_list else None,
        "server": {"name": request.server, "default": plan.default_server},
        "identity": {**_new_identity(identity), "default": plan.default_identity},
        "commands": asdict(commands(request, federation.audience)),
        "requests": [asdict(hop) for hop in hop_requests(request, environ, federation)],
        "children": list(plan.children),
    }


def _new_identity(identity: Identity | FederatedIdentity) -> JSON:
    if isinstance(identity, Identity):
        return {"clientID": identity.client_id, "resourceID": identity.resource_id}
    account = identity.account
    return {
        "clientID": identity.client_id,
        "resourceID": None,
        "tenantID": identity.tenant_id,
        "serviceAccount": f"{account}" if account else None,
    }
