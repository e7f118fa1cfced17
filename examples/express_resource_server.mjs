// A resource server on Express that takes Vestibule's access tokens and checks them offline, by the published keys.
//
//     npm install express@5 jose@6     # Node 20 or later
//     export ISSUER=http://localhost:8080  # as the server's ISSUER or PUBLIC_URL says; AUDIENCE too, when it is set there
//     PORT=8001 node examples/express_resource_server.mjs
//
// Then: curl -H "Authorization: Bearer $TOKEN" localhost:8001/whoami

import express from "express";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER, AUDIENCE, PORT = "8001" } = process.env;
if (!ISSUER) throw new Error("set ISSUER, such as http://localhost:8080");
// Where Vestibule is reached from here, when that is not its public address.
const VESTIBULE_URL = process.env.VESTIBULE_URL ?? ISSUER;
// By so much later is a sign-out seen here. Leave the polling out where the life of a token is soon enough.
const POLL_MILLISECONDS = 5_000;

const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", VESTIBULE_URL), {
  // Vestibule publishes a key ten minutes before it signs, so that this age never misses one.
  cacheMaxAge: 300_000,
  // Anybody can send a token with an unknown key: that leads to one fetch in this time, not to one for each.
  cooldownDuration: 5_000,
  timeoutDuration: 5_000,
});

let endedSessions = new Set();
let etag;

async function pollEndedSessions() {
  try {
    const headers = etag ? { "if-none-match": etag } : {};
    const response = await fetch(new URL("/revoked", VESTIBULE_URL), { headers, signal: AbortSignal.timeout(5_000) });
    if (response.status === 200) {
      endedSessions = new Set((await response.json()).sessions.map((session) => session.sid));
      etag = response.headers.get("etag");
    }
  } catch {
    // Vestibule is away: the last known ones stand.
  }
  setTimeout(pollEndedSessions, POLL_MILLISECONDS);
}

async function authenticate(request, response, next) {
  const [, token] = /^bearer +([^ ]+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const refuse = (challenge, error) => response.status(401).set("WWW-Authenticate", challenge).json({ error });
  if (!token) return refuse('Bearer realm="example"', "send an access token");
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ["ES256", "EdDSA", "RS256"], // ours to name, never the token's
      typ: "at+jwt", // RFC 9068: no other kind of token with the same key passes for one
      issuer: ISSUER,
      audience: AUDIENCE,
      clockTolerance: 30,
      requiredClaims: ["exp", "iat", "sub", "sid"],
    });
    const isForOthers = AUDIENCE === undefined && payload.aud !== undefined;
    if (isForOthers || endedSessions.has(payload.sid)) throw new errors.JWTInvalid("not for here, or ended");
    request.claims = payload;
  } catch (error) {
    const isAboutToken = error instanceof errors.JOSEError && !["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT"].includes(error.code);
    if (!isAboutToken) return response.status(503).set("Retry-After", "5").json({ error: "the keys cannot be fetched" });
    return refuse('Bearer realm="example", error="invalid_token"', "get a new access token");
  }
  next();
}

const app = express();
app.get("/whoami", authenticate, (request, response) => {
  response.json({ sub: request.claims.sub, scope: request.claims.scope });
});

pollEndedSessions();
app.listen(Number(PORT), "127.0.0.1");
