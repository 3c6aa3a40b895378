"""Writes the generated templates of the chart, from kustomize's output for each subset."""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hooks.core.names import FEDERATION_AUDIENCE
from tests.chart.condition import Conditions, camel
from tests.chart.fill import fill_for
from tests.chart.template import Variants, Writer
from tests.e2e.components import ORDER, PARTS, Components, build_all, reason_against
from tests.e2e.control_plane import BINARY
from tests.e2e.install import ROOT, Manifest

TEMPLATES: Final = ROOT / "charts/acrpull/templates"
HEADER: Final = (
    "{{- /* Written by `make chart` from metacontroller/. Do not edit. */ -}}\n"
    "{{- $use := .Values.components -}}\n"
)
NAMESPACE: Final = "acrpull-system"


def templates(built: dict[Components, list[Manifest]]) -> dict[str, str]:
    """Return the generated templates, by file name, from the objects of each subset."""
    installs = list(built)
    conditions = Conditions(ORDER, installs)
    variants: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    objects: dict[str, Manifest] = {}
    for number, install in enumerate(installs):
        for manifest in built[install]:
            key = manifest["kind"], manifest["metadata"]["name"]
            text = json.dumps(manifest)
            objects[text] = manifest
            variants[key][text] = variants[key].get(text, 0) | 1 << number
    del variants["Namespace", NAMESPACE]  # helm install --create-namespace
    files: defaultdict[str, list[str]] = defaultdict(list)
    for (kind, _), found in sorted(variants.items()):
        different: Variants = {bits: objects[text] for text, bits in found.items()}
        text = Writer(conditions, fill_for(kind)).fields(different)
        present = sum(different)
        name = kind.lower()
        if present != conditions.all:
            condition = conditions.find(present, conditions.all)
            text = f"{{{{- if {condition} }}}}\n---\n{text}\n{{{{- end }}}}"
            if condition.startswith("$use."):
                name = condition.removeprefix("$use.")
        else:
            text = f"---\n{text}"
        files[name].append(finish(text))
    files["refusals"] = [refusals()]
    return {f"{name}.yaml": HEADER + "\n".join(texts) + "\n" for name, texts in files.items()}


def finish(text: str) -> str:
    """Return a template with the release's Namespace and audience, and each block's indentation."""
    text = text.replace(NAMESPACE, "{{ .Release.Namespace }}")
    text = text.replace(FEDERATION_AUDIENCE, "{{ .Values.serviceAccountTokenAudience }}")
    return re.sub(r"(?m)^( *)(\{\{-.*nindent )@", lambda m: f"{m[1]}{m[2]}{len(m[1])}", text)


def refusals() -> str:
    """Return the template that rejects what kustomize rejects."""
    lines = []
    for part, (whole, _) in PARTS.items():
        chosen, needed = camel(part), camel(whole)
        message = f"components.{chosen} needs components.{needed}. Set both to true."
        lines += [
            f"{{{{- if and $use.{chosen} (not $use.{needed}) }}}}",
            f'{{{{- fail "{message}" }}}}',
            "{{- end }}",
        ]
    return "\n".join(lines)


def build_accepted(folder: Path) -> dict[Components, list[Manifest]]:
    """Return the objects of each subset of the components that kustomize accepts."""
    return {
        components: manifests
        for components, (manifests, _) in build_all(folder).items()
        if not reason_against(components)
    }


def main() -> None:
    """Write the templates, and delete the others except `_helpers.tpl` and NOTES.txt."""
    if not BINARY.exists():
        sys.exit(f"{BINARY} is missing, which renders the manifests. Run make e2e, or build it.")
    with TemporaryDirectory(prefix="acrpull-chart-") as scratch:
        written = templates(build_accepted(Path(scratch)))
    for path in TEMPLATES.glob("*.yaml"):
        path.unlink()
    for name, text in written.items():
        (TEMPLATES / name).write_text(text)


if __name__ == "__main__":
    main()
