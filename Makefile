PYTHON ?= python3
VERSION := $(shell cat hooks/VERSION)
REVISION = $(shell git describe --always --dirty)
IMAGE ?= acrpull:$(VERSION)
SEED ?= 1
ATTACHMENT ?= adoption
TESTS ?=
ARGS ?=
VERSIONS := 3.11 3.12 3.13
LOCKS := requirements.txt tests/requirements.txt
VENV ?= .venv
PY := $(VENV)/bin/python
# The names contain the interpreter's version, so that another PYTHON creates another environment.
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
RUNTIME := $(VENV)/runtime-$(PYTHON_VERSION)
DEVELOPMENT := $(VENV)/development-$(PYTHON_VERSION)
INSTALL := $(PY) -m pip install -q --require-hashes --only-binary :all:
KUBE := tests/e2e/kube/bin/kube
# No debug information: nobody debugs these programs, and the compiler has less to do.
GO_FLAGS := -gcflags=all=-dwarf=false
# Helm compares `kubeVersion` in Chart.yaml with this version if no cluster is in reach.
HELM_FLAGS := -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36 -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=36
OPERATOR := github.com/prometheus-operator/prometheus-operator@v0.85.0
OPERATOR_CRDS := tests/e2e/kube/bin/operator-crds.yaml
# Extras stay in the locks, because an old pip rejects a requirement with extras if its pin has none.
COMPILE := $(PY) -m piptools compile --generate-hashes --no-strip-extras --allow-unsafe \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -q $(UPGRADE)
# One process more than cores, because many tests wait.
PARALLEL := -n $(shell expr $$(nproc) + 1) --dist loadfile
# These tests run without coverage, which takes more than half of the CPU time of the properties.
LONG := process or slow or properties
FAST := tests/core tests/test_golden.py tests/test_settings.py tests/test_schemas.py tests/test_crds.py \
  tests/test_docs.py tests/test_readme.py tests/test_style.py tests/test_manifests.py tests/test_chart.py \
  tests/test_examples.py tests/test_supported_versions.py tests/test_workflows.py tests/test_api_reference.py \
  tests/test_configuration.py
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help venv demo run doctor check lint test test-pythons e2e e2e-cluster capture fmt chart golden api-docs bench soak lock image sbom release
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 13
venv: $(DEVELOPMENT) ## create the virtual environment with all development tools
$(RUNTIME): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "acrpull needs Python 3.11 or later, and \
	$(PYTHON) is " + sys.version.split()[0] + ". Name another interpreter: make PYTHON=python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
	$(INSTALL) -r requirements.txt
	@touch $@
$(DEVELOPMENT): $(RUNTIME) tests/requirements.txt
	$(INSTALL) $(LOCKS:%=-r %)
	@touch $@
demo: $(RUNTIME) ## show how a binding becomes a pull Secret, with an emulated Azure; VERBOSE=1
	@$(PY) -m tests.demo $(if $(VERBOSE),--verbose)
run: $(RUNTIME) ## run the demo and keep the service running, with requests to try
	@$(PY) -m tests.demo --keep $(if $(VERBOSE),--verbose)
doctor: $(RUNTIME) ## check manifests before they are applied; FILE=binding.yaml
	$(if $(FILE),,$(error FILE is missing. Name a manifest: make doctor FILE=binding.yaml))
	@$(PY) -m hooks.doctor $(FILE)
lint: venv
	$(VENV)/bin/ruff format --check -q .
	$(VENV)/bin/ruff check -q .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -m tests.style
check: lint ## the inner loop: format, lint, types, import contracts, style, fast tests
	$(PY) -m pytest -m 'not process and not slow' $(FAST)
test: $(if $(TESTS),venv,lint) ## lint, and all tests; TESTS=tests/test_tls.py ARGS='-k handshake' for some
ifdef TESTS
	$(PY) -m pytest $(ARGS) $(TESTS)
else
	$(PY) -m pip check
	$(PY) -m pytest $(PARALLEL) -m 'not index and not ($(LONG))' --cov --cov-report= $(ARGS)
	$(PY) -m coverage report --include='hooks/core/*' --skip-covered --fail-under=100
	$(PY) -m pytest $(PARALLEL) -m 'not index and ($(LONG))' $(ARGS)
endif
test-pythons: ## all tests on each supported Python that is installed
	@missing=; for version in $(VERSIONS); do \
	  if python$$version -c pass 2> /dev/null; then \
	    echo "Python $$version:"; \
	    $(MAKE) --no-print-directory test PYTHON=python$$version VENV=.venv-$$version || exit 1; \
	  else missing="$$missing $$version"; fi; \
	done; \
	if [ -n "$$missing" ]; then echo "Not installed, so not tested: Python$$missing"; fi
e2e: venv $(KUBE) $(OPERATOR_CRDS) ## tests on a real control plane; METACONTROLLER=<binary> SEED=1
	$(PY) -m pytest tests/e2e -rs --no-fold-skipped --seed "$(SEED)" --attachment "$(ATTACHMENT)" --metacontroller "$(METACONTROLLER)" \
	  --metacontroller-crds "$(METACONTROLLER_CRDS)" --msi-acrpull "$(MSI_ACRPULL)" --bindings "$(BINDINGS)"
e2e-cluster: venv ## tests on the cluster of KUBECONFIG; ACR_SERVER=<registry> CLIENT_ID=<identity>
	$(if $(KUBECONFIG),,$(error KUBECONFIG=<file> is missing. It names the cluster for the tests))
	$(PY) -m pytest tests/e2e -rs --no-fold-skipped --cluster --acr-server "$(ACR_SERVER)" --client-id "$(CLIENT_ID)"
$(KUBE): tests/e2e/kube/main.go tests/e2e/kube/go.mod tests/e2e/kube/go.sum
	@command -v go > /dev/null || { echo "Go >= 1.21 builds the control plane, and is not installed: \
	https://go.dev/doc/install" >&2; exit 1; }
	cd $(<D)/ && go build -trimpath $(GO_FLAGS) -ldflags '-s -w $(HELM_FLAGS)' -o bin/ . helm.sh/helm/v3/cmd/helm
$(OPERATOR_CRDS): Makefile | $(KUBE)
	go mod download $(OPERATOR)
	cd "$$(go list -m -f '{{.Dir}}' $(OPERATOR))/example/prometheus-operator-crd" && \
	cat *_podmonitors.yaml *_prometheusrules.yaml > $(CURDIR)/$@
capture: venv $(KUBE) ## rewrite the golden requests and answers; METACONTROLLER=<binary>
	$(PY) -m tests.e2e.capture --metacontroller "$(METACONTROLLER)" --version "$(METACONTROLLER_VERSION)"
	$(PY) -m tests.golden
fmt: venv ## format, and fix what ruff can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
chart: venv $(KUBE) ## rewrite the templates of the Helm chart from the manifests
	$(PY) -m tests.chart
golden: venv ## rewrite the golden answers, not the requests
	$(PY) -m tests.golden
api-docs: venv ## rewrite docs/api.md from the CRDs
	$(PY) -m tests.api_reference
bench: venv ## measure time and memory of a sync
	$(PY) -m tests.bench
soak: venv ## 1,000 bindings for 10 minutes, with faults and kills; 5,000 generated requests; SEED=1
	$(PY) -m tests.soak --seed "$(SEED)"
	$(PY) -m tests.fuzz --cases 5000 --seed "$(SEED)"
lock: venv ## rewrite the locks; UPGRADE=--upgrade takes the newest releases
	$(COMPILE) -o requirements.txt requirements.in
	$(COMPILE) -o tests/requirements.txt tests/requirements.in
image: ## build the container image for this machine's architecture; IMAGE=acrpull:<version>
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t $(IMAGE) .
sbom: venv ## write acrpull.cdx.json, an SBOM of the packages in the image
	$(PY) -m tests.sbom $(REVISION) > acrpull.cdx.json
release: venv ## write a release to dist/; IMAGE=<name in a registry> PLATFORMS=linux/amd64,linux/arm64
	PYTHON=$(PY) .ci/release
