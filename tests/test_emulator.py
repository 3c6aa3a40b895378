"""The emulated Azure, through HTTP: with requests, and with the real azure-identity."""

import base64
import hashlib
import json
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

from tests import emulator as azure
from tests.emulator.emulator import Emulator
from tests.emulator.fault import Endpoint, Fault

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
RESOURCE_ID = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity"
    "/userAssignedIdentities/puller"
)
ACR = "https://containerregistry.azure.net"
ARM = "https://management.azure.com"
NULL_GUID = "00000000-0000-0000-0000-000000000000"
PULL = "repository:team/alice:pull"
TIMEOUT = 5  # s


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    """One emulator for the module: its keys take a while to make."""
    with Emulator(clock=lambda: NOW) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    """The emulator as if just started."""
    running.reset()
    return running


def imds(emulator: Emulator, **query: str) -> requests.Response:
    """Ask IMDS for a token, for the ACR audience unless *query* has another."""
    return requests.get(
        f"{emulator.imds_url}/metadata/identity/oauth2/token",
        params={"api-version": "2018-02-01", "resource": ACR} | query,
        headers={"Metadata": "true"},
        timeout=TIMEOUT,
    )


def acr(
    emulator: Emulator,
    method: str,
    path: str,
    server: str = "",
    **arguments: Any,  # noqa: ANN401 - those of requests.request
) -> requests.Response:
    """Send a request to a registry of *emulator*, by default its first."""
    url = f"https://{server or emulator.acr_server}{path}"
    timeout = arguments.pop("timeout", TIMEOUT)
    trusted = str(emulator.ca_file)
    return requests.request(method, url, verify=trusted, timeout=timeout, **arguments)


def exchange(emulator: Emulator, server: str = "", **form: str) -> requests.Response:
    """Exchange a new Entra token, or what *form* has in its place."""
    server = server or emulator.acr_server
    if "access_token" not in form:
        form["access_token"] = imds(emulator, client_id=CLIENT_ID).json()["access_token"]
    form = {"grant_type": "access_token", "service": server} | form
    return acr(emulator, "POST", "/oauth2/exchange", server, data=form)


def refresh_token(emulator: Emulator) -> str:
    """A refresh token for the first registry."""
    return str(exchange(emulator).json()["refresh_token"])


def post_password(emulator: Emulator, password: str, scope: str = PULL) -> requests.Response:
    """Log in as containerd does first."""
    service = emulator.acr_server
    form = {"grant_type": "password", "service": service, "username": NULL_GUID}
    fields = form | {"password": password} | ({"scope": scope} if scope else {})
    return acr(emulator, "POST", "/oauth2/token", data=fields)


def get_basic(emulator: Emulator, password: str, scope: str = PULL) -> requests.Response:
    """Log in as Docker does."""
    query = {"service": emulator.acr_server} | ({"scope": scope} if scope else {})
    return acr(emulator, "GET", "/oauth2/token", params=query, auth=(NULL_GUID, password))


def access_token(emulator: Emulator, scope: str = PULL) -> str:
    """An access token for *scope*."""
    return str(get_basic(emulator, refresh_token(emulator), scope).json()["access_token"])


def claims_of(token: str) -> dict[str, Any]:
    """The claims, unverified."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def pull(emulator: Emulator, token: str, path: str) -> requests.Response:
    """Read *path* with *token* as Bearer."""
    return acr(emulator, "GET", path, headers={"Authorization": f"Bearer {token}"})


class TestImds:
    """The token endpoint of IMDS."""

    def test_answer(self, emulator: Emulator) -> None:
        """All values are strings, in IMDS's order, with nbf five minutes before the issue."""
        response = imds(emulator, client_id=CLIENT_ID.upper())
        token = response.json()["access_token"]
        issued = int(NOW.timestamp())
        assert list(response.json().items()) == [
            ("access_token", token),
            ("client_id", CLIENT_ID),
            ("expires_in", "86400"),
            ("expires_on", str(issued + 86400)),
            ("ext_expires_in", "86399"),
            ("not_before", str(issued - 300)),
            ("resource", ACR),
            ("token_type", "Bearer"),
        ]
        assert response.headers["Server"].startswith("IMDS/")
        assert (claims_of(token)["aud"], claims_of(token)["appid"]) == (ACR, CLIENT_ID)

    @pytest.mark.parametrize(
        ("query", "description"),
        [
            ({}, "Multiple user assigned identities exist"),
            ({"client_id": CLIENT_ID, "msi_res_id": RESOURCE_ID}, "otherwise malformed"),
            ({"client_id": CLIENT_ID, "resource": ""}, "otherwise malformed"),
            ({"client_id": CLIENT_ID, "api-version": "2017-01-01"}, "otherwise malformed"),
            ({"client_id": "puller"}, "Identity not found"),
            ({"client_id": ""}, "Identity not found"),
            ({"msi_res_id": CLIENT_ID}, "Identity not found"),
        ],
    )
    def test_refusal(self, emulator: Emulator, query: dict[str, str], description: str) -> None:
        """A query that does not name one well-formed identity is answered with 400."""
        response = imds(emulator, **query)
        assert response.status_code == 400
        assert response.json()["error"] == "invalid_request"
        assert description in response.json()["error_description"]

    def test_metadata_header(self, emulator: Emulator) -> None:
        """Without `Metadata: true` nobody gets a token."""
        url = f"{emulator.imds_url}/metadata/identity/oauth2/token"
        response = requests.get(url, timeout=TIMEOUT)
        assert (response.status_code, emulator.requests[0].status) == (400, 400)

    @pytest.mark.parametrize(
        "query",
        [{"client_id": CLIENT_ID}, {"msi_res_id": RESOURCE_ID}, {"object_id": CLIENT_ID}],
    )
    def test_assigned_identities(self, emulator: Emulator, query: dict[str, str]) -> None:
        """Only identities assigned to the machine are found, in any case of letters."""
        emulator.identities = {value.upper() for value in query.values()}
        assert imds(emulator, **query).status_code == 200
        emulator.identities = {"another"}
        assert imds(emulator, **query).json()["error_description"] == "Identity not found"

    def test_default_identity(self, emulator: Emulator) -> None:
        """Without a selector the machine's only identity is taken, if it has just one."""
        emulator.default_identity = CLIENT_ID
        assert imds(emulator).json()["client_id"] == CLIENT_ID


class TestAzureIdentity:
    """The same endpoint under Microsoft's client."""

    @pytest.fixture(autouse=True)
    def environment(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """Point azure-identity at the emulator."""
        for name, value in emulator.environment().items():
            monkeypatch.setenv(name, value)

    @pytest.mark.parametrize(
        ("config", "claim"),
        [
            ({"client_id": CLIENT_ID}, ("appid", CLIENT_ID)),
            ({"identity_config": {"resource_id": RESOURCE_ID}}, ("xms_mirid", RESOURCE_ID.lower())),
        ],
    )
    def test_token(
        self, emulator: Emulator, config: dict[str, Any], claim: tuple[str, str]
    ) -> None:
        """A client ID or resource ID yields a token for that identity, from one request."""
        with ManagedIdentityCredential(**config) as credential:
            token = credential.get_token(f"{ACR}/.default").token
        claims = claims_of(token)
        assert (claims["aud"], claims[claim[0]]) == (ACR, claim[1])
        assert exchange(emulator, access_token=token).status_code == 200
        assert (emulator.count("imds"), emulator.requests[0].identity.lower()) == (1, claim[1])

    @pytest.mark.parametrize(
        ("fault", "text"),
        [
            (azure.identity_not_found(), "Identity not found"),
            (azure.multiple_identities(), "Multiple user assigned identities exist"),
            (azure.unknown_resource(), "AADSTS500011"),
            (azure.imds_throttled(), "Temporarily throttled"),
            (Fault(status=500, body="<html>"), "authentication unavailable"),
        ],
    )
    def test_refusal(self, emulator: Emulator, fault: Fault, text: str) -> None:
        """Each refusal of IMDS becomes an error of azure-identity that quotes it."""
        emulator.faults.add("imds", fault)
        with (
            ManagedIdentityCredential(client_id=CLIENT_ID, retry_total=0) as credential,
            pytest.raises((CredentialUnavailableError, ClientAuthenticationError), match=text),
        ):
            credential.get_token(f"{ACR}/.default")


class TestExchange:
    """Entra token for ACR refresh token."""

    def test_refresh_token(self, emulator: Emulator) -> None:
        """The answer holds a refresh token alone, which lives 3 h and is not back-dated."""
        response = exchange(emulator)
        assert list(response.json()) == ["refresh_token"]
        token = response.json()["refresh_token"]
        issued = int(NOW.timestamp())
        claims = claims_of(token)
        assert (claims["iat"], claims["nbf"], claims["exp"]) == (issued, issued, issued + 10800)
        assert (claims["aud"], claims["grant_type"]) == (emulator.acr_server, "refresh_token")
        assert base64.urlsafe_b64decode(token.split(".")[0] + "==").startswith(b'{"alg":"RS256",')
        kid = jwt.get_unverified_header(token)["kid"]
        assert re.fullmatch(r"([A-Z2-7]{4}:){11}[A-Z2-7]{4}", kid)
        assert response.headers["x-ms-ratelimit-remaining-calls-per-second"] == "166.65"

    def test_settings_of_time(self, emulator: Emulator) -> None:
        """Lifetime and age together leave a token just the minutes a test wants."""
        emulator.refresh_lifetime, emulator.token_age = 10800, 10800 - 29 * 60
        claims = claims_of(refresh_token(emulator))
        assert claims["exp"] - claims["iat"] == 10800
        assert claims["exp"] - NOW.timestamp() == 29 * 60

    @pytest.mark.parametrize(
        ("form", "status"),
        [
            ({"grant_type": "access_token_refresh_token"}, 200),
            ({"grant_type": "refresh_token"}, 400),
            ({"service": "other.azurecr.io"}, 400),
            ({"access_token": ""}, 401),
            ({"access_token": "not.a.jwt"}, 401),
        ],
    )
    def test_form(self, emulator: Emulator, form: dict[str, str], status: int) -> None:
        """The form must be for this server, with an Entra token that is one."""
        assert exchange(emulator, **form).status_code == status

    @pytest.mark.parametrize(
        ("resource", "arm_audience_allowed", "status"),
        [
            (ACR, False, 200),
            (ARM, True, 200),
            (f"{ARM}/", True, 200),
            (ARM, False, 401),
            ("https://vault.azure.net", True, 401),
        ],
    )
    def test_audience(
        self, emulator: Emulator, resource: str, arm_audience_allowed: bool, status: int
    ) -> None:
        """The ACR audience always does; that of ARM only where the policy allows it."""
        emulator.arm_audience_allowed = arm_audience_allowed
        token = imds(emulator, client_id=CLIENT_ID, resource=resource).json()["access_token"]
        assert exchange(emulator, access_token=token).status_code == status

    def test_expired_entra_token(self, emulator: Emulator) -> None:
        """An Entra token is refused once its day is over."""
        token = imds(emulator, client_id=CLIENT_ID).json()["access_token"]
        emulator.clock = lambda: NOW + timedelta(hours=24)
        assert exchange(emulator, access_token=token).status_code == 401

    def test_no_role(self, emulator: Emulator) -> None:
        """An identity without a role gets 401, with another correlation ID each time."""
        emulator.roles = {"another"}
        responses = [exchange(emulator) for _ in range(2)]
        messages = {response.json()["errors"][0]["message"] for response in responses}
        assert [response.status_code for response in responses] == [401, 401]
        assert len(messages) == 2
        assert all("more information. CorrelationId: " in message for message in messages)
        emulator.roles = {CLIENT_ID}
        assert exchange(emulator).status_code == 200

    def test_get(self, emulator: Emulator) -> None:
        """There is no GET of the exchange."""
        assert acr(emulator, "GET", "/oauth2/exchange").status_code == 404


class TestToken:
    """ACR token, as refresh token or password, for access token."""

    @pytest.mark.parametrize("login", [post_password, get_basic])
    def test_access_token(
        self, emulator: Emulator, login: Callable[..., requests.Response]
    ) -> None:
        """The null GUID with a refresh token gets an access token of 75 min and nothing else."""
        response = login(emulator, refresh_token(emulator))
        assert list(response.json()) == ["access_token"]
        claims = claims_of(response.json()["access_token"])
        assert claims["access"] == [
            {"type": "repository", "name": "team/alice", "actions": ["pull"]}
        ]
        assert claims["exp"] - claims["nbf"] == 4500

    def test_refresh_grant(self, emulator: Emulator) -> None:
        """The grant refresh_token takes several scopes, repeated or with spaces between."""
        form = {
            "grant_type": "refresh_token",
            "service": emulator.acr_server,
            "scope": [PULL, "repository:bob:pull,push registry:catalog:*"],
            "refresh_token": refresh_token(emulator),
        }
        response = acr(emulator, "POST", "/oauth2/token", data=form)
        access = claims_of(response.json()["access_token"])["access"]
        assert [entry["name"] for entry in access] == ["team/alice", "bob", "catalog"]

    @pytest.mark.parametrize("login", [post_password, get_basic])
    def test_access_token_as_password(
        self, emulator: Emulator, login: Callable[..., requests.Response]
    ) -> None:
        """An access token as password yields its own scope and no other."""
        password = access_token(emulator)
        own = login(emulator, password).json()["access_token"]
        other = login(emulator, password, "repository:bob:pull").json()["access_token"]
        assert (len(claims_of(own)["access"]), claims_of(other)["access"]) == (1, [])
        emulator.refuse_empty_grant = True
        assert login(emulator, password, "repository:bob:pull").status_code == 401

    def test_password_without_scope(self, emulator: Emulator) -> None:
        """POST of a password without a scope is answered with 400 and no body."""
        response = post_password(emulator, refresh_token(emulator), scope="")
        assert (response.status_code, response.content) == (400, b"")

    def test_docker_login(self, emulator: Emulator) -> None:
        """`docker login` asks without a scope, and for a refresh token to keep."""
        query = {"service": emulator.acr_server, "offline_token": "true", "client_id": "docker"}
        login = (NULL_GUID, refresh_token(emulator))
        response = acr(emulator, "GET", "/oauth2/token", params=query, auth=login)
        assert list(response.json()) == ["access_token", "refresh_token"]

    def test_grant(self, emulator: Emulator) -> None:
        """The setting `grant` says what of a scope an identity may have."""
        asked = []

        def grant(client_id: str, scope: azure.Scope) -> list[str]:
            asked.append((client_id, str(scope)))
            return ["pull"]

        emulator.grant = grant
        token = access_token(emulator, "repository:bob:pull,push")
        assert claims_of(token)["access"][0]["actions"] == ["pull"]
        assert asked == [(CLIENT_ID, "repository:bob:pull,push")]

    @pytest.mark.parametrize(
        ("user", "password"),
        [(NULL_GUID, "not.a.jwt"), ("someone", ""), (NULL_GUID, "")],
    )
    def test_wrong_password(self, emulator: Emulator, user: str, password: str) -> None:
        """Who is not the null GUID with a token is told so."""
        query = {"service": emulator.acr_server, "scope": PULL}
        response = acr(emulator, "GET", "/oauth2/token", params=query, auth=(user, password))
        assert response.status_code == 401
        assert response.json()["errors"][0]["message"] == "Invalid clientid or client secret."

    @pytest.mark.parametrize("scope", ["repository:*:pull", "alice", "repository:Alice:pull"])
    def test_malformed_scope(self, emulator: Emulator, scope: str) -> None:
        """A scope names one repository: no wildcards."""
        assert get_basic(emulator, refresh_token(emulator), scope).status_code == 400

    def test_other_registry(self, emulator: Emulator) -> None:
        """A token for one registry does not do at another."""
        other = emulator.acr_servers[1]
        form = {"grant_type": "refresh_token", "service": other, "scope": PULL}
        fields = form | {"refresh_token": refresh_token(emulator)}
        response = acr(emulator, "POST", "/oauth2/token", other, data=fields)
        assert response.status_code == 401
        assert exchange(emulator, other).status_code == 200


class TestRegistry:
    """The challenge, and a pull."""

    @pytest.mark.parametrize("login", [post_password, get_basic])
    def test_pull(self, emulator: Emulator, login: Callable[..., requests.Response]) -> None:
        """A client that follows the challenge gets the image, true to its digests."""
        path = "/v2/team/alice/manifests/latest"
        challenge = acr(emulator, "GET", path).headers["Www-Authenticate"]
        assert challenge == (
            f'Bearer realm="https://{emulator.acr_server}/oauth2/token"'
            f',service="{emulator.acr_server}",scope="{PULL}"'
        )
        scope = re.findall('scope="(.*?)"', challenge)[0]
        token = login(emulator, refresh_token(emulator), scope).json()["access_token"]
        manifest = pull(emulator, token, path)
        named = manifest.headers["Docker-Content-Digest"]
        assert pull(emulator, token, f"/v2/team/alice/manifests/{named}").ok
        blobs = [manifest.json()["config"], *manifest.json()["layers"]]
        for blob in blobs:
            content = pull(emulator, token, f"/v2/team/alice/blobs/{blob['digest']}").content
            assert len(content) == blob["size"]
            assert "sha256:" + hashlib.sha256(content).hexdigest() == blob["digest"]

    def test_challenge_at_root(self, emulator: Emulator) -> None:
        """The challenge at /v2/ names no scope; its body is as long as ACR's own."""
        response = acr(emulator, "GET", "/v2/")
        assert response.status_code == 401
        assert "scope" not in response.headers["Www-Authenticate"]
        # https://github.com/GoogleContainerTools/jib/issues/2784
        assert response.headers["Content-Length"] == "149"

    @pytest.mark.parametrize(
        "path",
        [
            "/v2/bob/manifests/latest",
            "/v2/team/alice2/blobs/sha256:0",
            "/v2/_catalog",
        ],
    )
    def test_wrong_scope(self, emulator: Emulator, path: str) -> None:
        """A token for one repository reads no other."""
        response = pull(emulator, access_token(emulator), path)
        assert response.status_code == 401
        assert response.headers["Www-Authenticate"].endswith(',error="insufficient_scope"')

    def test_expired(self, emulator: Emulator) -> None:
        """An access token is refused once its 75 minutes are over."""
        token = access_token(emulator)
        assert pull(emulator, token, "/v2/").status_code == 200
        emulator.clock = lambda: NOW + timedelta(minutes=75)
        response = pull(emulator, token, "/v2/")
        assert response.status_code == 401
        assert response.headers["Www-Authenticate"].endswith(',error="invalid_token"')

    def test_refused_credentials(self, emulator: Emulator) -> None:
        """Neither Basic nor a refresh token as Bearer does at /v2/."""
        token = refresh_token(emulator)
        assert acr(emulator, "GET", "/v2/", auth=(NULL_GUID, token)).status_code == 401
        assert pull(emulator, token, "/v2/").status_code == 401

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "manifests/sha256:0", 404),
            ("GET", "blobs/sha256:0", 404),
            ("HEAD", "manifests/v1", 200),
        ],
    )
    def test_content(self, emulator: Emulator, method: str, path: str, status: int) -> None:
        """Any tag is the image; a digest must be its own."""
        bearer = {"Authorization": f"Bearer {access_token(emulator)}"}
        response = acr(emulator, method, f"/v2/team/alice/{path}", headers=bearer)
        assert response.status_code == status

    def test_push(self, emulator: Emulator) -> None:
        """The registry is for reading."""
        token = access_token(emulator, "repository:team/alice:pull,push")
        bearer = {"Authorization": f"Bearer {token}"}
        response = acr(emulator, "PUT", "/v2/team/alice/manifests/v1", headers=bearer)
        assert response.status_code == 405

    def test_localhost(self, emulator: Emulator) -> None:
        """Every address and localhost are registries with a trusted certificate."""
        for server in emulator.acr_servers:
            assert server in acr(emulator, "GET", "/v2/", server).headers["Www-Authenticate"]


class TestFaults:
    """What goes wrong on request."""

    @pytest.mark.parametrize(
        ("endpoint", "path"),
        [("exchange", "/oauth2/exchange"), ("token", "/oauth2/token"), ("v2", "/v2/")],
    )
    def test_endpoint(self, emulator: Emulator, endpoint: Endpoint, path: str) -> None:
        """A fault meets its endpoint as often as it says, and no other."""
        fault = Fault(status=503, body="<html>", headers={"Retry-After": "7"}, times=1)
        emulator.faults.add(endpoint, fault)
        assert imds(emulator, client_id=CLIENT_ID).status_code == 200
        response = acr(emulator, "GET", path)
        assert (response.status_code, response.text) == (503, "<html>")
        assert response.headers["Retry-After"] == "7"
        assert acr(emulator, "GET", path).status_code != 503

    def test_unknown_endpoint(self, emulator: Emulator) -> None:
        """A fault for an endpoint that does not exist would never be met."""
        with pytest.raises(ValueError, match="acr"):
            emulator.faults.add("acr", Fault())  # type: ignore[arg-type]  # the point of the test

    @pytest.mark.parametrize(
        ("fault", "status", "length"),
        [
            # Lengths as observed: SqlClient#2344, acs-keyvault-agent#43
            (azure.imds_throttled(), 429, 90),
            (azure.multiple_identities(), 400, 168),
        ],
    )
    def test_length(self, emulator: Emulator, fault: Fault, status: int, length: int) -> None:
        """Bodies whose real length is known have that length."""
        emulator.faults.add("imds", fault)
        response = imds(emulator, client_id=CLIENT_ID)
        assert (response.status_code, len(response.content)) == (status, length)
        assert "Retry-After" not in response.headers

    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            (azure.no_role(), 401, "UNAUTHORIZED"),
            (azure.firewall("203.0.113.9"), 403, "DENIED"),
            (azure.acr_throttled(30), 429, "TOOMANYREQUESTS"),
        ],
    )
    def test_acr_incident(self, emulator: Emulator, fault: Fault, status: int, code: str) -> None:
        """The ready-made faults of ACR use its error model."""
        emulator.faults.add("exchange", fault)
        first, second = exchange(emulator), exchange(emulator)
        assert (first.status_code, first.json()["errors"][0]["code"]) == (status, code)
        assert (first.content != second.content) == (status == 401)
        assert first.headers.get("Retry-After") == ("30" if status == 429 else None)
        assert (b"\\u0027203.0.113.9\\u0027" in first.content) == (status == 403)

    @pytest.mark.parametrize("seconds", [None, 42])
    def test_retry_after(self, emulator: Emulator, seconds: int | None) -> None:
        """Throttling asks for a wait, or does not."""
        emulator.faults.add("imds", azure.imds_throttled(seconds))
        emulator.faults.add("exchange", azure.acr_throttled(seconds))
        for response in (imds(emulator, client_id=CLIENT_ID), exchange(emulator, access_token="x")):
            expected = None if seconds is None else str(seconds)
            assert (response.status_code, response.headers.get("Retry-After")) == (429, expected)

    def test_unreachable(self) -> None:
        """One address refuses a connection, another one does not answer."""
        with azure.refusing() as address, pytest.raises(requests.ConnectionError, match="refused"):
            requests.get(f"http://{address}", timeout=TIMEOUT)
        with azure.silent() as address, pytest.raises(requests.ConnectTimeout):
            requests.get(f"http://{address}", timeout=0.2)

    @pytest.mark.parametrize("body", ["", "null", "{", {"refresh_token": "not.a.jwt"}, b"\xff"])
    def test_body(self, emulator: Emulator, body: str | bytes | dict[str, str]) -> None:
        """A body is sent as given, an object as JSON, with 200."""
        emulator.faults.add("exchange", Fault(body=body))
        response = exchange(emulator)
        sent = json.dumps(body, separators=(",", ":")) if isinstance(body, dict) else body
        expected = sent.encode() if isinstance(sent, str) else sent
        assert (response.status_code, response.content) == (200, expected)

    def test_token(self, emulator: Emulator) -> None:
        """A tampered token replaces the one in a healthy answer, and nothing else of it."""
        emulator.faults.add("imds", Fault(token="not.a.jwt"))
        body = imds(emulator, client_id=CLIENT_ID).json()
        assert (body["access_token"], body["client_id"]) == ("not.a.jwt", CLIENT_ID)

    def test_redirect(self, emulator: Emulator) -> None:
        """A client that follows redirects carries the Entra token to another host."""
        target = emulator.acr_servers[1]
        location = {"Location": f"https://{target}/oauth2/exchange"}
        fault = Fault(status=307, headers=location, host=emulator.acr_server)
        emulator.faults.add("exchange", fault)
        exchange(emulator)
        seen = [(record.host, record.identity) for record in emulator.requests[1:]]
        assert seen == [(emulator.acr_server, CLIENT_ID), (target, CLIENT_ID)]

    def test_delay(self, emulator: Emulator) -> None:
        """A delayed answer comes too late for an impatient client, and counts."""
        emulator.faults.add("v2", Fault(delay=0.3, times=1))
        with pytest.raises(requests.ReadTimeout):
            acr(emulator, "GET", "/v2/", timeout=0.1)
        assert emulator.count("v2") == 1

    def test_reset(self, emulator: Emulator) -> None:
        """A reset ends the connection with RST, which over TLS Python reports as an early end."""
        emulator.faults.add("v2", Fault(reset=True))
        emulator.faults.add("imds", Fault(reset=True))
        with pytest.raises(requests.ConnectionError, match="Connection aborted"):
            acr(emulator, "GET", "/v2/")
        with pytest.raises(requests.ConnectionError, match="reset by peer"):
            imds(emulator, client_id=CLIENT_ID)
        assert [record.status for record in emulator.requests] == [0, 0]

    def test_dribble(self, emulator: Emulator) -> None:
        """A body that comes by the byte defeats a read timeout but arrives whole."""
        emulator.faults.add("v2", Fault(body="0123456789", dribble=0.02))
        began = time.monotonic()
        assert acr(emulator, "GET", "/v2/", timeout=0.1).text == "0123456789"
        assert time.monotonic() - began >= 0.2

    def test_endless(self, emulator: Emulator) -> None:
        """A body without end goes on for as long as the client reads."""
        emulator.faults.add("v2", Fault(endless=True))
        with acr(emulator, "GET", "/v2/", stream=True) as response:
            chunks = response.iter_content(1 << 16)
            assert sum(len(next(chunks)) for _ in range(32)) > 1 << 20

    def test_requests(self, emulator: Emulator) -> None:
        """The log tells requests apart and holds no token."""
        token = refresh_token(emulator)
        post_password(emulator, token)
        get_basic(emulator, token)
        records = emulator.requests
        assert [record.endpoint for record in records] == ["imds", "exchange", "token", "token"]
        assert records[0].query["resource"] == ACR
        assert records[1].form["service"] == emulator.acr_server
        assert re.fullmatch("sha256:[0-9a-f]{12}", records[1].form["access_token"])
        assert records[3].authorization.startswith("Basic sha256:")
        assert token not in repr(records)


class TestControl:
    """The emulator as a process of its own, and from outside."""

    def test_api(self, emulator: Emulator) -> None:
        """Faults and settings can be set, and requests read, over HTTP."""
        url = f"{emulator.imds_url}/_emulator"
        fault = {"endpoint": "exchange", "name": "acr_throttled", "retry_after": 9, "times": 1}
        assert requests.post(f"{url}/faults", json=fault, timeout=TIMEOUT).ok
        assert exchange(emulator).headers["Retry-After"] == "9"
        settings = {"refresh_lifetime": 120, "roles": [CLIENT_ID], "identities": None}
        assert requests.post(f"{url}/settings", json=settings, timeout=TIMEOUT).ok
        claims = claims_of(refresh_token(emulator))
        assert claims["exp"] - claims["iat"] == 120
        log = requests.get(f"{url}/requests", timeout=TIMEOUT).json()
        assert [entry["status"] for entry in log] == [200, 429, 200, 200]
        assert "BEGIN CERTIFICATE" in requests.get(f"{url}/ca.crt", timeout=TIMEOUT).text

    def test_clear_faults(self, emulator: Emulator) -> None:
        """DELETE takes all faults back."""
        emulator.faults.add("imds", azure.imds_throttled())
        url = f"{emulator.imds_url}/_emulator/faults"
        assert requests.delete(url, timeout=TIMEOUT).ok
        assert imds(emulator, client_id=CLIENT_ID).ok

    @pytest.mark.parametrize(
        ("path", "body", "expected"),
        [
            ("faults", '{"status": 500}', "endpoint"),
            ("faults", '{"endpoint": "imds", "sttus": 500}', "sttus"),
            ("faults", '{"endpoint": "imds", "status": "500"}', "status"),
            ("faults", '{"endpoint": "imds", "name": "nope"}', "nope"),
            ("faults", '{"endpoint": "imds", "name": "no_role", "ip": "x"}', "ip"),
            ("faults", "[]", "expected an object"),
            ("faults", "{", "Expecting"),
            ("settings", '{"clock": 1}', "clock"),
            ("settings", '{"roles": "x"}', "roles"),
            ("settings", '{"refresh_lifetime": true}', "refresh_lifetime"),
            ("settings", '{"federated": {}}', "federated"),
            ("settings", '{"federated": [{"client_id": "x"}]}', "federated"),
            ("settings", '{"federated": [{"client_id": "x", "subject": 5}]}', "federated"),
        ],
    )
    def test_wrong_body(self, emulator: Emulator, path: str, body: str, expected: str) -> None:
        """A body that means nothing is refused with what is wrong with it."""
        url = f"{emulator.imds_url}/_emulator/{path}"
        response = requests.post(url, data=body, timeout=TIMEOUT)
        assert response.status_code == 400
        assert expected in response.text

    def test_unknown_path(self, emulator: Emulator) -> None:
        """Other paths are answered with those that exist."""
        response = requests.get(f"{emulator.imds_url}/_emulator/", timeout=TIMEOUT)
        assert response.status_code == 404
        assert "POST /_emulator/faults" in response.text

    def test_stop(self, tmp_path: Path) -> None:
        """Stopping ends idle, delayed and endless connections at once and leaves no thread."""
        before = set(threading.enumerate())
        with Emulator(directory=tmp_path / "new") as emulator, requests.Session() as session:
            session.get(f"{emulator.imds_url}/_emulator/requests", timeout=TIMEOUT)
            emulator.faults.add("v2", Fault(endless=True, times=1))
            emulator.faults.add("v2", Fault(delay=60))
            endless = acr(emulator, "GET", "/v2/", stream=True)
            with pytest.raises(requests.ReadTimeout):
                acr(emulator, "GET", "/v2/", timeout=0.1)
            began = time.monotonic()
            emulator.stop()
            endless.close()
        assert time.monotonic() - began < 1
        assert set(threading.enumerate()) <= before
        with pytest.raises(requests.ConnectionError):
            requests.get(emulator.imds_url, timeout=TIMEOUT)
        assert (tmp_path / "new" / "ca.crt").exists()

    def test_port_in_use(self, emulator: Emulator) -> None:
        """A start that fails leaves nothing behind."""
        before = set(threading.enumerate())
        with pytest.raises(OSError, match="in use"):
            Emulator(acr_port=emulator.acr_port).start()
        assert set(threading.enumerate()) <= before

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_process(self, tmp_path: Path, number: int) -> None:
        """Its output is for a shell to evaluate; a signal ends it well."""
        command = [sys.executable, "-m", "tests.emulator", "--refresh-lifetime", "60"]

        with subprocess.Popen(  # noqa: S603
            [*command, "--directory", str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        ) as process:
            assert process.stdout
            lines = [shlex.split(line)[1] for line in process.stdout]
            environment = dict(line.split("=", 1) for line in lines)
            server = environment["ALLOWED_ACR_SERVER_SUFFIXES"].split(",")[0]
            trusted = environment["REQUESTS_CA_BUNDLE"]
            response = requests.get(f"https://{server}/v2/", verify=trusted, timeout=TIMEOUT)
            assert (response.status_code, trusted) == (401, str(tmp_path / "ca.crt"))
            process.send_signal(number)
            assert process.wait(TIMEOUT) == 0
