"""acrpull: hooks that Metacontroller calls to keep pull Secrets of Azure Container Registry fresh.

Start reading at `handlers.py`. A request makes five stops:

1. `server/`       A thread reads the request (`worker.py`), checks the hook token (`app.py`), and
                   decodes the body (`body.py`). Probes and metrics have a listener of their own.
2. `handlers.py`   One method per hook: parse, decide, request a token, answer.
3. `core/wire/`    The body becomes values (`request.py`); at the end the answer becomes JSON
                   (`response.py`). For a ClusterACRPullBinding, `fleet_json.py` does both.
4. `core/`         The decision: is a token needed (`renewal/`), may the binding have a token
                   (`policy/`), which Secrets does a ServiceAccount list (`account/`: the relation
                   by labels in `relation.py`, then owners, or `admission.py` without owners), how
                   does the status read (`status/`). `sync.py` and `finalize.py` put the answers
                   together. `fleet/` has the answers for ClusterACRPullBindings.
5. `mint/`         Only if a token is needed: IMDS or Entra, then the registry, within the time
                   that Metacontroller waits. `core/exchange/` has the requests, their order
                   (`steps.py`) and the meaning of the answers, without I/O.

`budget.py` divides the 10 s that Metacontroller waits among all timeouts. `settings/` reads
environment variables at the start, and the files that they name. `doctor/` judges a file with
bindings by the same core. `wsgi.py` and `gunicorn_conf.py` put the service together.

`hooks.core` is pure: values and *now* in, values out. The import contracts in `pyproject.toml` keep
each package in its place, and `make check` checks them.
"""
