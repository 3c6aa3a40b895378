"""The configuration of gunicorn: `gunicorn -c hooks/gunicorn_conf.py hooks.wsgi:app`.

https://gunicorn.org/reference/settings/
"""

import ctypes
import os
import resource
import ssl
import sys
from contextlib import suppress
from typing import Any, Final

from hooks import log
from hooks.budget import GRACEFUL_SECONDS
from hooks.server.worker import check_gunicorn
from hooks.settings.environment import Settings
from hooks.settings.parse import SettingsError
from hooks.settings.tls import ServerTls

# Each thread with a large body delays a small request by several of these intervals.
# https://docs.python.org/3/library/sys.html#sys.setswitchinterval
SWITCH_SECONDS: Final = 0.001
# glibc returns larger buffers to the system at once. By default glibc raises this threshold up to
# 32 MiB, and 16 arenas then keep the buffers of large bodies.
# https://man7.org/linux/man-pages/man3/mallopt.3.html
M_MMAP_THRESHOLD: Final = -3  # glibc@2.41:malloc/malloc.h
MMAP_BYTES: Final = 256 * 1024

check_gunicorn()
try:
    settings = Settings.from_env(os.environ)
except SettingsError as error:
    raise SystemExit(str(error)) from None

# Some containers have a soft limit of about 1,000 descriptors. 1,000 callers would end the worker.
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
enough = 65_536 if most == resource.RLIM_INFINITY else min(most, 65_536)
resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))

bind = settings.bind
workers = 1  # the token cache is in memory; more replicas are more Pods
worker_class = "hooks.server.worker.Worker"
threads = 32  # a hook with a token request occupies a thread for up to `TOKEN_WAIT_SECONDS`
keepalive = 120  # seconds; Go's client keeps idle connections for 90 and does not retry a POST
timeout = 30  # seconds without a sign of life from the worker
graceful_timeout = GRACEFUL_SECONDS
logconfig_dict = log.gunicorn_config()
forwarded_allow_ips = ""  # no proxy in front: forwarded headers are not trusted
control_socket_disable = True  # needs a writable home directory
wsgi_app = "hooks.wsgi:app"

if settings.tls is not None:
    certfile, keyfile = str(settings.tls.certificate), str(settings.tls.key)
    server_tls = ServerTls(settings.tls)

    def ssl_context(_config: object, _default: object) -> ssl.SSLContext:
        """Return the TLS context of a new connection. gunicorn calls this for each connection.

        gunicorn@27.0.1:gunicorn/sock.py
        """
        return server_tls.context()


def post_worker_init(worker: Any) -> None:  # noqa: ANN401  gunicorn has no types
    """Prepare the worker process, and start its listeners for metrics and probes."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with suppress(AttributeError):  # the C library is not glibc
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MMAP_BYTES)
    if settings.metrics_bind is not None:
        from hooks import metrics  # noqa: PLC0415  not in the arbiter
        from hooks.server import listener  # noqa: PLC0415  likewise

        host = settings.metrics_bind.rpartition(":")[0]
        port = listener.serve_metrics(settings.metrics_bind).port
        worker.log.info("Metrics at: http://%s:%s%s", host, port, metrics.PATH)
    if settings.health_bind is not None:
        from hooks.server import probes  # noqa: PLC0415  likewise

        worker.log.info("Probes at: http://%s", settings.health_bind)
        checks = probes.health_checks(settings)
        probes.serve_probes(settings.health_bind, checks, worker.unanswered_seconds)
