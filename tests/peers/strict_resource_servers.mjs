// Resource servers that verify an access token: oauth4webapi and express-oauth2-jwt-bearer. With AUDIENCE, both in their
// strict mode, as RFC 9068 §4 says. Prints the result of each, the client ID or the error, as JSON.

import express from "express";
import { auth } from "express-oauth2-jwt-bearer";
import * as oauth from "oauth4webapi";

const { AUDIENCE, ISSUER, TOKEN, URL: server } = process.env;
const results = {};

if (AUDIENCE !== undefined) {
  const insecure = { [oauth.allowInsecureRequests]: true };
  const metadata = { issuer: ISSUER, jwks_uri: `${server}/.well-known/jwks.json` };
  const request = new Request("http://api.example/", { headers: { authorization: `Bearer ${TOKEN}` } });
  results.oauth4webapi = await oauth.validateJwtAccessToken(metadata, request, AUDIENCE, insecure).then(
    (claims) => claims.client_id,
    (error) => error.message,
  );
}

const application = express();
application.use(
  auth({
    issuer: ISSUER,
    jwksUri: `${server}/.well-known/jwks.json`,
    audience: AUDIENCE ?? "none",
    strict: AUDIENCE !== undefined,
    // Without an audience, the library has nothing to compare.
    validators: AUDIENCE === undefined ? { aud: false } : {},
  }),
);
application.get("/", (request, response) => response.send(request.auth.payload.client_id ?? "none"));
application.use((error, _request, response, _next) => response.send(error.message));
const listener = application.listen(0, "127.0.0.1");
await new Promise((resolve) => listener.once("listening", resolve));
const response = await fetch(`http://127.0.0.1:${listener.address().port}/`, { headers: { authorization: `Bearer ${TOKEN}` } });
results.express = await response.text();
listener.close();
console.log(JSON.stringify(results));
