"""How gunicorn runs the service: `gunicorn -c hooks/gunicorn_conf.py hooks.wsgi:app`.

https://gunicorn.org/reference/settings/
"""

import os
import resource
import ssl
import sys
from typing import Any, Final

from hooks import log
from hooks.server.worker import check_gunicorn, end_unknown
from hooks.settings.parse import SettingsError
from hooks.settings.settings import Settings
from hooks.settings.tls import ServerTls

# Several threads that work on large bodies delay a small request by this, several times each.
# https://docs.python.org/3/library/sys.html#sys.setswitchinterval
SWITCH_SECONDS: Final = 0.001

check_gunicorn()
try:
    settings = Settings.from_env(os.environ)
except SettingsError as error:
    raise SystemExit(str(error)) from None

# Else 1,000 callers would end the worker, where that is a container's soft limit.
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
enough = 65_536 if most == resource.RLIM_INFINITY else min(most, 65_536)
resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))

bind = settings.bind
workers = 1  # one cache of tokens; two replicas are two Pods
worker_class = "hooks.server.worker.Worker"
threads = 32  # a hook that mints holds one for up to 8 s
keepalive = 120  # seconds; Go's client keeps idle connections for 90 and does not retry a POST
timeout = 30  # seconds without a sign of life from the worker
graceful_timeout = 15  # seconds; a mint under way may end
logconfig_dict = log.gunicorn_config()
forwarded_allow_ips = ""  # no proxy is before it, so nobody's headers say where it is
control_socket_disable = True  # it needs a writable home
wsgi_app = "hooks.wsgi:app"
post_request = end_unknown

if settings.tls is not None:
    certfile, keyfile = str(settings.tls.certificate), str(settings.tls.key)
    server_tls = ServerTls(settings.tls)

    def ssl_context(_config: object, _default: object) -> ssl.SSLContext:
        """Return the context for a connection; gunicorn asks for each.

        gunicorn@27.0.1:gunicorn/sock.py
        """
        return server_tls.context()


def post_worker_init(worker: Any) -> None:  # noqa: ANN401  gunicorn has no types
    """Prepare the process that answers, and start its listeners for scrapes and probes."""
    sys.setswitchinterval(SWITCH_SECONDS)
    if settings.metrics_bind is not None:
        from hooks import metrics  # noqa: PLC0415  not in the arbiter

        host = settings.metrics_bind.rpartition(":")[0]
        port = metrics.serve(settings.metrics_bind).port
        worker.log.info("Metrics at: http://%s:%s%s", host, port, metrics.PATH)
    if settings.health_bind is not None:
        from hooks.server import probes  # noqa: PLC0415  likewise

        worker.log.info("Probes at: http://%s", settings.health_bind)
        checks = probes.health_checks(settings)
        probes.serve(settings.health_bind, checks, worker.unanswered_seconds)
