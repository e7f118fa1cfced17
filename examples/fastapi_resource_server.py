"""A resource server on FastAPI that verifies Vestibule's access tokens offline, with the published keys.

    python3 -m venv venv && venv/bin/pip install fastapi uvicorn 'PyJWT[crypto]'
    export ISSUER=http://localhost:8080  # the server's ISSUER or PUBLIC_URL; also AUDIENCE, if the server sets it
    venv/bin/uvicorn --app-dir examples fastapi_resource_server:app --port 8000

Then: curl -H "Authorization: Bearer $TOKEN" localhost:8000/whoami
"""

import asyncio
import json
import logging
import os
import threading
import time
import urllib.request
from contextlib import asynccontextmanager
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException, Request

ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ.get("AUDIENCE")
# The URL at which this server reaches Vestibule. It may differ from the public URL.
VESTIBULE_URL = os.environ.get("VESTIBULE_URL", ISSUER)

ALGORITHMS = ["ES256", "EdDSA", "RS256"]  # chosen here, never by the token
LEEWAY_SECONDS = 30
# Vestibule publishes a key ten minutes before it signs, so this age never misses one.
KEYS_MAX_AGE_SECONDS = 300
# A token with an unknown key causes at most one request in this time, so that invalid tokens cannot cause many.
KEYS_COOLDOWN_SECONDS = 5
# The longest delay until a sign-out takes effect here. Without polling, a token is valid until it expires.
POLL_SECONDS = 5


def fetch(path: str, headers: dict[str, str]) -> tuple[dict, str | None]:
    request = urllib.request.Request(VESTIBULE_URL + path, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response), response.headers["ETag"]


class PublicKeys:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._requested_at = float("-inf")

    def find(self, kid: str) -> jwt.PyJWK:
        with self._lock:
            age = time.monotonic() - self._requested_at
            if age > KEYS_MAX_AGE_SECONDS or (kid not in self._keys and age > KEYS_COOLDOWN_SECONDS):
                self._requested_at = time.monotonic()
                try:
                    published, _ = fetch("/.well-known/jwks.json", {})
                    self._keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(published).keys}
                except (OSError, ValueError, jwt.PyJWTError):
                    if not self._keys:  # otherwise the last known keys stay valid
                        raise HTTPException(503, "the keys cannot be fetched", {"Retry-After": "5"}) from None
            if kid not in self._keys:
                raise jwt.InvalidTokenError("unknown key")
            return self._keys[kid]


class Revocations:
    """The revoked sessions and holders. Each entry is kept until it expires, also when the server no longer lists it."""

    def __init__(self) -> None:
        self._sessions: dict[str, int] = {}  # sid: until
        self._holders: dict[str, tuple[int, int]] = {}  # holder ID: (first valid generation, until)

    def update(self, response: dict) -> None:
        now = time.time()
        listed = {session["sid"]: session["until"] for session in response["sessions"]}
        holders = {entry["holder"]: (entry["before"], entry["until"]) for entry in response.get("holders", [])}
        self._sessions = {sid: until for sid, until in (self._sessions | listed).items() if until > now}
        self._holders = {holder: entry for holder, entry in (self._holders | holders).items() if entry[1] > now}
        if response.get("truncated"):
            # An API that must learn of every revocation introspects each token while the list is incomplete.
            logging.getLogger("uvicorn.error").warning("the list of revoked sessions is incomplete")

    def contains(self, claims: dict) -> bool:
        holders = claims.get("holders", {})
        return claims["sid"] in self._sessions or any(
            generation < self._holders.get(holder, (0, 0))[0] for holder, generation in holders.items()
        )


keys = PublicKeys()
revocations = Revocations()


async def poll_revocations() -> None:
    etag = None
    while True:
        try:
            headers = {"If-None-Match": etag} if etag else {}
            response, new_etag = await asyncio.to_thread(fetch, "/revoked", headers)
            revocations.update(response)
            etag = new_etag
        except (OSError, ValueError):
            pass  # 304, or Vestibule is unreachable: the known entries stay
        except Exception:  # the task must not end, or no revocation would be seen again
            logging.getLogger("uvicorn.error").exception("the list of revoked sessions cannot be read")
        await asyncio.sleep(POLL_SECONDS)


def current_claims(request: Request) -> dict:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401, "send an access token", {"WWW-Authenticate": 'Bearer realm="example"'})
    try:
        header = jwt.get_unverified_header(token)
        # Rejects other kinds of tokens signed with the same key. RFC 9068 tokens have an audience.
        if header.get("typ") != ("at+jwt" if AUDIENCE else "JWT"):
            raise jwt.InvalidTokenError("not an access token")
        claims = jwt.decode(
            token,
            keys.find(header.get("kid", "")),
            algorithms=ALGORITHMS,
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "sub", "sid"]},
        )
        if revocations.contains(claims):
            raise jwt.InvalidTokenError("the token was revoked")
    except jwt.PyJWTError:
        challenge = 'Bearer realm="example", error="invalid_token"'
        raise HTTPException(401, "get a new access token", {"WWW-Authenticate": challenge}) from None
    return claims


@asynccontextmanager
async def lifespan(_: FastAPI):
    polling = asyncio.create_task(poll_revocations())
    yield
    polling.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/whoami")
def whoami(claims: Annotated[dict, Depends(current_claims)]) -> dict:
    return {"sub": claims["sub"], "scope": claims["scope"]}
