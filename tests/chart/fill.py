"""The parts of the templates that values set: image, replicas, resources, scheduling, labels."""

from textwrap import indent
from typing import Final

from tests.chart.template import Fill, Path

POD: Final[Path] = ("spec", "template", "spec")
HOOKS: Final[Path] = (*POD, "containers", "hooks")
METACONTROLLER: Final[Path] = (*POD, "containers", "metacontroller")
VERSION: Final = "app.kubernetes.io/version"
# `nindent @` becomes the indentation of its line.
BLOCK: Final = "{0}:\n  {{{{- toYaml .Values.{1} | nindent @ }}}}"
LABELS: Final = '{{- include "acrpull.labels" . | nindent @ }}'
SETTINGS: Final = """
  {{- range $name, $value := .Values.settings }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}"""
POD_LABELS: Final = """
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent @ }}
  {{- end }}"""
POD_FIELDS: Final = """
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent @ }}
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent @ }}
  {{- end }}"""
# If Helm deleted the CRDs, the API server would delete all bindings, and then their Secrets.
KEEP: Final = "annotations:\n  helm.sh/resource-policy: keep"

REPLACED: Final[dict[Path, str]] = {
    ("spec", "replicas"): "replicas: {{ .Values.replicas }}",
    (*POD, "nodeSelector"): BLOCK.format("nodeSelector", "nodeSelector"),
    (*POD, "tolerations"): BLOCK.format("tolerations", "tolerations"),
    (*POD, "priorityClassName"): "priorityClassName: {{ .Values.priorityClassName }}",
    (*HOOKS, "image"): 'image: {{ include "acrpull.image" . }}',
    (*HOOKS, "imagePullPolicy"): "imagePullPolicy: {{ .Values.image.pullPolicy }}",
    (*HOOKS, "resources"): BLOCK.format("resources", "resources"),
    (*METACONTROLLER, "image"): "image: {{ .Values.metacontroller.image }}",
    (*METACONTROLLER, "resources"): BLOCK.format("resources", "metacontroller.resources"),
}
ADDED: Final[dict[Path, str]] = {
    (*HOOKS, "env"): SETTINGS,
    ("spec", "template", "metadata", "labels"): POD_LABELS,
    POD: POD_FIELDS,
}


def fill_for(kind: str) -> Fill:
    """Return the function that puts values into an object of *kind*."""

    def fill(path: Path, text: str) -> str:
        if path == ("metadata",):
            return _metadata(kind, text)
        if path[-1] == VERSION:
            return f"{VERSION}: {{{{ .Chart.AppVersion | quote }}}}"
        if kind == "Deployment":
            return REPLACED.get(path, text) + ADDED.get(path, "")
        return text

    return fill


def _metadata(kind: str, text: str) -> str:
    if kind == "CustomResourceDefinition":
        text += f"\n{indent(KEEP, '  ')}"
    if "\n  labels:\n" not in text:
        return f"{text}\n  labels:\n    {LABELS}"
    return text.replace("\n  labels:\n", f"\n  labels:\n    {LABELS}\n", 1)
