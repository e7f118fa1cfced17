// A resource server on Express that verifies Vestibule's access tokens offline, with the published keys.
//
//     npm install express@5 jose@6     # Node 20 or later
//     export ISSUER=http://localhost:8080  # the server's ISSUER or PUBLIC_URL; also AUDIENCE, if the server sets it
//     PORT=8001 node examples/express_resource_server.mjs
//
// Then: curl -H "Authorization: Bearer $TOKEN" localhost:8001/whoami

import express from "express";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER, AUDIENCE, PORT = "8001" } = process.env;
if (!ISSUER) throw new Error("set ISSUER, such as http://localhost:8080");
// The URL at which this server reaches Vestibule. It may differ from the public URL.
const VESTIBULE_URL = process.env.VESTIBULE_URL ?? ISSUER;
// The longest delay until a sign-out takes effect here. Without polling, a token is valid until it expires.
const POLL_MILLISECONDS = 5_000;

const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", VESTIBULE_URL), {
  // Vestibule publishes a key ten minutes before it signs, so this age never misses one.
  cacheMaxAge: 300_000,
  // A token with an unknown key causes at most one request in this time, so that invalid tokens cannot cause many.
  cooldownDuration: 5_000,
  timeoutDuration: 5_000,
});

// Each entry is kept until it expires, also when the server no longer lists it.
const revokedSessions = new Map(); // sid: until
const revokedHolders = new Map(); // holder ID: { before: first valid generation, until }
let etag;

function updateRevocations({ sessions, holders, truncated }) {
  for (const { sid, until } of sessions) revokedSessions.set(sid, until);
  for (const { holder, before, until } of holders) revokedHolders.set(holder, { before, until });
  const now = Date.now() / 1_000;
  for (const [sid, until] of revokedSessions) if (until <= now) revokedSessions.delete(sid);
  for (const [holder, { until }] of revokedHolders) if (until <= now) revokedHolders.delete(holder);
  // An API that must learn of every revocation introspects each token while the list is incomplete.
  if (truncated) console.warn("the list of revoked sessions is incomplete");
}

function isRevoked({ sid, holders = {} }) {
  const isEarlier = ([holder, generation]) => generation < (revokedHolders.get(holder)?.before ?? 0);
  return revokedSessions.has(sid) || Object.entries(holders).some(isEarlier);
}

async function pollRevocations() {
  try {
    const headers = etag ? { "if-none-match": etag } : {};
    const response = await fetch(new URL("/revoked", VESTIBULE_URL), { headers, signal: AbortSignal.timeout(5_000) });
    if (response.status === 200) {
      updateRevocations(await response.json());
      etag = response.headers.get("etag");
    }
  } catch {
    // While Vestibule is unreachable, the known entries stay.
  }
  setTimeout(pollRevocations, POLL_MILLISECONDS);
}

async function authenticate(request, response, next) {
  const [, token] = /^bearer +([^ ]+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const reject = (challenge, error) => response.status(401).set("WWW-Authenticate", challenge).json({ error });
  if (!token) return reject('Bearer realm="example"', "send an access token");
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ["ES256", "EdDSA", "RS256"], // chosen here, never by the token
      // Rejects other kinds of tokens signed with the same key. RFC 9068 tokens have an audience.
      typ: AUDIENCE === undefined ? "JWT" : "at+jwt",
      issuer: ISSUER,
      audience: AUDIENCE,
      clockTolerance: 30,
      requiredClaims: ["exp", "iat", "sub", "sid"],
    });
    // Without AUDIENCE, a token for any audience is rejected.
    const isForOtherAudience = AUDIENCE === undefined && payload.aud !== undefined;
    if (isForOtherAudience || isRevoked(payload)) throw new errors.JWTInvalid("not valid here");
    request.claims = payload;
  } catch (error) {
    const isFetchError = ["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT"].includes(error.code);
    const isTokenError = error instanceof errors.JOSEError && !isFetchError;
    if (!isTokenError) return response.status(503).set("Retry-After", "5").json({ error: "the keys cannot be fetched" });
    return reject('Bearer realm="example", error="invalid_token"', "get a new access token");
  }
  next();
}

const app = express();
app.get("/whoami", authenticate, (request, response) => {
  response.json({ sub: request.claims.sub, scope: request.claims.scope });
});

pollRevocations();
app.listen(Number(PORT), "127.0.0.1");
