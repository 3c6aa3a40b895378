"""Checks Secrets from the other side: the token's lifetime, and the registry's answer."""

import base64
import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import jwt
import requests

from tests.model.objects import Object
from tests.soak.shard import Shard
from tests.soak.tally import Tally

SWEEP_SECONDS = 1.0
PULL_SECONDS = 0.05
TIMEOUT_SECONDS = 3
MAX_NOTES = 20


@dataclass(frozen=True)
class Credential:
    """The content of a Secret: *server*, and *password* with its expiry, in Unix time."""

    server: str
    password: str
    expires: float


class Pulls:
    """Checks every Secret each second, and sometimes pulls with a Secret.

    *dead* is an unreachable registry. Its tokens may expire while `lasting` is true.
    """

    def __init__(
        self, shards: Sequence[Shard], dead: str, ca_file: str, tally: Tally, seed: int
    ) -> None:
        self.lasting = True
        self._shards = shards
        self._dead = dead
        self._tally = tally
        self._random = random.Random(seed)  # noqa: S311  Secrets to try, not a secret
        self._known: dict[str, Credential] = {}
        self._tokens: set[int] = set()
        self._session = requests.Session()
        self._session.verify = ca_file
        self._session.trust_env = False

    @property
    def tokens(self) -> int:
        """The number of different tokens so far."""
        return len(self._tokens)

    def sweep(self, stop: threading.Event) -> None:
        """Check every Secret until *stop*."""
        while not stop.wait(SWEEP_SECONDS):
            now = time.time()  # noqa: TID251  tokens say when they expire
            for secret in [secret for shard in self._shards for secret in shard.secrets()]:
                self._judge(secret, now)

    def _judge(self, secret: Object, now: float) -> None:
        credential = self._read(secret)
        self._tally.count("looks at a Secret")
        if credential.expires > now:
            return
        if self._may_expire(credential):
            self._tally.count("looks at one that expired as its registry was dead")
            return
        self._tally.count("looks at one that expired")
        if self._tally["looks at one that expired"] <= MAX_NOTES:
            late = now - credential.expires
            where = "{namespace}/{name}".format(**secret["metadata"])
            self._tally.note(f"{where}: expired {late:.1f} s ago, for {credential.server}")

    def _may_expire(self, credential: Credential) -> bool:
        return self.lasting and credential.server == self._dead

    def _read(self, secret: Object) -> Credential:
        data = secret["data"][".dockerconfigjson"]
        if data not in self._known:
            ((server, entry),) = json.loads(base64.b64decode(data))["auths"].items()
            claims = jwt.decode(entry["password"], options={"verify_signature": False})
            self._known[data] = Credential(server, entry["password"], claims["exp"])
            self._tokens.add(hash(entry["password"]))
        return self._known[data]

    def pull(self, stop: threading.Event) -> None:
        """Pull with a random Secret, again and again, until *stop*."""
        while not stop.wait(PULL_SECONDS):
            secrets = self._random.choice(self._shards).secrets()
            if secrets:
                self._pull(self._read(self._random.choice(secrets)))

    def _pull(self, credential: Credential) -> None:
        """Request an access token like Docker. Only status 401 counts as a rejection.

        https://distribution.github.io/distribution/spec/auth/token/
        """
        if self._may_expire(credential):
            return
        self._tally.count("pulls")
        try:
            answer = self._session.get(
                f"https://{credential.server}/oauth2/token",
                params={"service": credential.server, "scope": "repository:app:pull"},
                auth=("00000000-0000-0000-0000-000000000000", credential.password),
                timeout=TIMEOUT_SECONDS,
            )
        except requests.RequestException:
            self._tally.count("pulls that met a fault")
            return
        if answer.status_code == 401:
            self._tally.count("pulls refused")
            self._tally.note(f"pull refused by {credential.server}")
        elif answer.status_code != 200 or b"access_token" not in answer.content:
            self._tally.count("pulls that met a fault")
