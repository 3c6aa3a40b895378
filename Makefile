PYTHON ?= python3
IMAGE ?= acrpull:latest
SEED ?= 1
LOCKS := requirements.txt tests/requirements.txt
VENV := .venv
KUBE := tests/e2e/kube/bin/kube
OPERATOR := github.com/prometheus-operator/prometheus-operator@v0.85.0
OPERATOR_CRDS := tests/e2e/kube/bin/operator-crds.yaml
PY := $(VENV)/bin/python
COMPILE := $(PY) -m piptools compile --generate-hashes --strip-extras --allow-unsafe \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -q $(UPGRADE)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help venv demo run test e2e e2e-cluster capture fmt golden bench soak lock image sbom
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 13
venv: $(VENV)/locked ## make the virtual environment from the locks
$(VENV)/locked: $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed, and \
	$(PYTHON) is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q --require-hashes --only-binary :all: $(LOCKS:%=-r %)
	@touch $@
demo: venv ## a binding becomes a Secret, with an emulated Azure
	$(PY) -m tests.demo
run: venv ## the same, and keep service and emulator running
	$(PY) -m tests.demo --keep
test: venv ## format, lint, types, import rules, locks, tests
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -m pip check
	$(PY) -m pytest --cov --cov-report=term:skip-covered
e2e: venv $(KUBE) $(OPERATOR_CRDS) ## on a real control plane; METACONTROLLER=<binary> SEED=1
	$(PY) -m pytest tests/e2e -rs --no-fold-skipped --seed "$(SEED)" --metacontroller "$(METACONTROLLER)" \
	  --metacontroller-crds "$(METACONTROLLER_CRDS)"
e2e-cluster: venv ## on the cluster of KUBECONFIG; ACR_SERVER=<registry> CLIENT_ID=<identity>
	$(if $(KUBECONFIG),,$(error KUBECONFIG=<file> is missing: it says which cluster is played on))
	$(PY) -m pytest tests/e2e -rs --no-fold-skipped --cluster --acr-server "$(ACR_SERVER)" --client-id "$(CLIENT_ID)"
$(KUBE): tests/e2e/kube/main.go tests/e2e/kube/go.mod tests/e2e/kube/go.sum
	@command -v go > /dev/null || { echo "Go >= 1.21 builds the control plane, and there is none: \
	https://go.dev/doc/install" >&2; exit 1; }
	cd $(<D)/ && go build -trimpath -ldflags '-s -w' -o bin/kube .
$(OPERATOR_CRDS): Makefile | $(KUBE)
	go mod download $(OPERATOR)
	cd "$$(go list -m -f '{{.Dir}}' $(OPERATOR))/example/prometheus-operator-crd" && \
	cat *_podmonitors.yaml *_prometheusrules.yaml > $(CURDIR)/$@
capture: venv $(KUBE) ## write the golden requests anew; METACONTROLLER=<binary>
	$(PY) -m tests.e2e.capture --metacontroller "$(METACONTROLLER)" --version "$(METACONTROLLER_VERSION)"
	$(PY) -m tests.golden
fmt: venv ## format, and fix what ruff can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
golden: venv ## write the golden answers anew; their requests stay
	$(PY) -m tests.golden
bench: venv ## time and memory of a sync
	$(PY) -m tests.bench
soak: venv ## 1,000 bindings for 10 minutes, with faults and kills; 5,000 requests made up; SEED=1
	$(PY) -m tests.soak --seed "$(SEED)"
	$(PY) -m tests.fuzz --cases 5000 --seed "$(SEED)"
lock: venv ## write the locks anew; UPGRADE=--upgrade takes the newest releases
	$(COMPILE) -o requirements.txt requirements.in
	$(COMPILE) -o tests/requirements.txt tests/requirements.in
image: ## build the container image; IMAGE=acrpull:latest
	docker build --build-arg REVISION="$$(git describe --always --dirty)" -t $(IMAGE) .
sbom: venv ## write acrpull.cdx.json, an SBOM of the packages in the image
	$(PY) -m tests.sbom "$$(git describe --always --dirty)" > acrpull.cdx.json
