// A client on openid-client: discovery, its grants, introspection and revocation. Prints the results as JSON.

import * as client from "openid-client";

const { URL: server, CLIENT_ID, CLIENT_SECRET, PASSWORD } = process.env;
// Discovery as in RFC 8414, over http as in the tests.
const options = { algorithm: "oauth2", execute: [client.allowInsecureRequests] };
const results = {};

for (const [name, method] of Object.entries({ basic: client.ClientSecretBasic, post: client.ClientSecretPost })) {
  const config = await client.discovery(new URL(server), CLIENT_ID, undefined, method(CLIENT_SECRET), options);
  const own = await client.clientCredentialsGrant(config, { scope: "read write" });
  const password = { username: "alice", password: PASSWORD, scope: "read" };
  const first = await client.genericGrantRequest(config, "password", password);
  const second = await client.refreshTokenGrant(config, first.refresh_token);
  const before = await client.tokenIntrospection(config, second.access_token);
  await client.tokenRevocation(config, second.refresh_token);
  const after = await client.tokenIntrospection(config, second.access_token);
  const refused = await client.refreshTokenGrant(config, second.refresh_token).then(() => null, (error) => error.error);
  results[name] = {
    issuer: config.serverMetadata().issuer,
    own: { scope: own.scope, hasRefreshToken: "refresh_token" in own },
    scope: first.scope,
    rotated: second.refresh_token !== first.refresh_token,
    before: { active: before.active, username: before.username },
    after,
    refused,
  };
}

const wrong = await client.discovery(new URL(server), CLIENT_ID, undefined, client.ClientSecretBasic("wrong"), options);
results.wrong = await client.clientCredentialsGrant(wrong).then(() => null, (error) => [error.code, error.status]);
console.log(JSON.stringify(results));
