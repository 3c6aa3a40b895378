"""What the doctor found, for programs: the keys of `--output json`, all of them always there."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from hooks.core.fields import JSON
from hooks.core.identity import FederatedIdentity, Identity
from hooks.doctor.commands import commands
from hooks.doctor.diagnosis import Diagnosis, Plan
from hooks.doctor.hops import Tried, hops
from hooks.federation_settings import FederationSettings
from hooks.log import redact

KEYS = """\
keys of --output json (null where there is nothing to tell, as for a binding with problems):
  ok          no problem anywhere
  file        its name, - for stdin
  problems    of the file: lines
  notes       about this environment: lines
  identitySource, workloadIdentity
              the settings IDENTITY_SOURCE and WORKLOAD_IDENTITY
  authority   where Entra is asked, if one of them says so
  passedOver  objects that are no bindings, Namespaces or ServiceAccounts: "kind namespace/name"
  bindings    a list of objects:
    kind, name, namespace
    accepted  an API server would store it
    ok, problems, notes
    secretName, serviceAccountName
    server    {name, default}; default: it is the service's
    identity  {clientID, resourceID, default}, one of the two IDs null; of a workload identity
              {clientID, resourceID, default, tenantID, serviceAccount}, and the last is null where
              the service's own token is used
    commands  {cloud, mode, rbac, abac, nodes, trust}: of the Azure CLI; rbac or abac, as mode says
    requests  [{name, method, url, headers, form}], with words for tokens
    children  [Secret, ServiceAccount], with <token> for the token, without owners: those have uids
    live      with --live: [{hop, milliseconds, message, reason, remedy}]; reason: it failed
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """A binding's diagnosis; *live* is None where no mint was tried."""

    diagnosis: Diagnosis
    live: tuple[Tried, ...] | None = None

    @property
    def ok(self) -> bool:
        """Whether all is well with it."""
        return not self.diagnosis.problems and not any(t.reason for t in self.live or ())


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say of a file."""

    file: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    passed_over: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem anywhere."""
        return not self.problems and all(finding.ok for finding in self.findings)


def new_report(report: Report, environ: Mapping[str, str], federation: FederationSettings) -> JSON:
    """Return *report* as an object; *environ* says where IMDS is, *federation* where Entra."""
    return {
        "ok": report.ok,
        "file": report.file,
        "problems": _redacted(report.problems),
        "notes": list(report.notes),
        **federation.told(),
        "passedOver": list(report.passed_over),
        "bindings": [_new_binding(finding, environ, federation) for finding in report.findings],
    }


def _new_binding(
    finding: Finding, environ: Mapping[str, str], federation: FederationSettings
) -> JSON:
    diagnosis, live = finding.diagnosis, finding.live
    return {
        "kind": diagnosis.kind,
        "name": diagnosis.name,
        "namespace": diagnosis.namespace,
        "accepted": diagnosis.accepted,
        "ok": finding.ok,
        "problems": _redacted(diagnosis.problems),
        "notes": list(diagnosis.notes),
        **_new_plan(diagnosis.plan, environ, federation),
        "live": None if live is None else [asdict(tried) for tried in live],
    }


def _redacted(lines: Iterable[str]) -> list[str]:
    """Return *lines*, which may quote what somebody put into the wrong field."""
    return [redact(line) for line in lines]


def _new_plan(
    plan: Plan | None, environ: Mapping[str, str], federation: FederationSettings
) -> JSON:
    if plan is None:
        keys = (
            "secretName", "serviceAccountName", "server", "identity", "commands", "requests",
            "children",
        )  # fmt: skip
        return dict.fromkeys(keys)
    request = plan.request
    identity = request.identity
    return {
        "secretName": plan.secret_name,
        "serviceAccountName": plan.service_account_name,
        "server": {"name": request.server, "default": plan.default_server},
        "identity": {**_new_identity(identity), "default": plan.default_identity},
        "commands": asdict(commands(request, federation.audience)),
        "requests": [asdict(hop) for hop in hops(request, environ, federation)],
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
