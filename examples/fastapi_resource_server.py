"""A resource server on FastAPI that takes Vestibule's access tokens and checks them offline, by the published keys.

    python3 -m venv venv && venv/bin/pip install fastapi uvicorn 'PyJWT[crypto]'
    export ISSUER=http://localhost:8080  # as the server's ISSUER or PUBLIC_URL says; AUDIENCE too, when it is set there
    venv/bin/uvicorn --app-dir examples fastapi_resource_server:app --port 8000

Then: curl -H "Authorization: Bearer $TOKEN" localhost:8000/whoami
"""

import asyncio
import json
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
# Where Vestibule is reached from here, when that is not its public address.
VESTIBULE_URL = os.environ.get("VESTIBULE_URL", ISSUER)

ALGORITHMS = ["ES256", "EdDSA", "RS256"]  # ours to name, never the token's
LEEWAY_SECONDS = 30
# Vestibule publishes a key ten minutes before it signs, so that this age never misses one.
KEYS_MAX_AGE_SECONDS = 300
# Anybody can send a token with an unknown key: that leads to one fetch in this time, not to one for each.
KEYS_COOLDOWN_SECONDS = 5
# By so much later is a sign-out seen here. Leave the polling out where the life of a token is soon enough.
POLL_SECONDS = 5


def fetch(path: str, headers: dict[str, str]) -> tuple[dict, str | None]:
    request = urllib.request.Request(VESTIBULE_URL + path, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response), response.headers["ETag"]


class PublicKeys:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._tried_at = float("-inf")

    def find(self, kid: str) -> jwt.PyJWK:
        with self._lock:
            age = time.monotonic() - self._tried_at
            if age > KEYS_MAX_AGE_SECONDS or (kid not in self._keys and age > KEYS_COOLDOWN_SECONDS):
                self._tried_at = time.monotonic()
                try:
                    published, _ = fetch("/.well-known/jwks.json", {})
                    self._keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(published).keys}
                except (OSError, ValueError, jwt.PyJWTError):
                    if not self._keys:  # else the last known ones serve on
                        raise HTTPException(503, "the keys cannot be fetched", {"Retry-After": "5"}) from None
            if kid not in self._keys:
                raise jwt.InvalidTokenError("unknown key")
            return self._keys[kid]


keys = PublicKeys()
ended_sessions: set[str] = set()


async def poll_ended_sessions() -> None:
    global ended_sessions
    etag = None
    while True:
        try:
            headers = {"If-None-Match": etag} if etag else {}
            answer, etag = await asyncio.to_thread(fetch, "/revoked", headers)
            ended_sessions = {session["sid"] for session in answer["sessions"]}
        except (OSError, ValueError):
            pass  # 304, or Vestibule is away: the last known ones stand
        await asyncio.sleep(POLL_SECONDS)


def current_claims(request: Request) -> dict:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401, "send an access token", {"WWW-Authenticate": 'Bearer realm="example"'})
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != "at+jwt":  # RFC 9068: no other kind of token with the same key passes for one
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
        if claims["sid"] in ended_sessions:
            raise jwt.InvalidTokenError("the session has ended")
    except jwt.PyJWTError:
        challenge = 'Bearer realm="example", error="invalid_token"'
        raise HTTPException(401, "get a new access token", {"WWW-Authenticate": challenge}) from None
    return claims


@asynccontextmanager
async def lifespan(_: FastAPI):
    polling = asyncio.create_task(poll_ended_sessions())
    yield
    polling.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/whoami")
def whoami(claims: Annotated[dict, Depends(current_claims)]) -> dict:
    return {"sub": claims["sub"], "scope": claims["scope"]}
