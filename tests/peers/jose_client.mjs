// A resource server that verifies a token with the published keys: jose's createRemoteJWKSet. Prints the claims or the
// error.

import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ALGORITHM, ISSUER, JWKS_URL, TOKEN } = process.env;
const keys = createRemoteJWKSet(new URL(JWKS_URL));
try {
  const checks = { algorithms: [ALGORITHM], issuer: ISSUER, typ: "JWT" };
  console.log(JSON.stringify((await jwtVerify(TOKEN, keys, checks)).payload));
} catch (error) {
  if (!(error instanceof errors.JOSEError)) throw error;
  console.log(JSON.stringify({ refused: error.code }));
}
