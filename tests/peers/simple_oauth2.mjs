// A client on simple-oauth2: a password grant, a refresh and a revocation, which it parses as JSON. Prints the results.

import { ClientCredentials, ResourceOwnerPassword } from "simple-oauth2";

const { URL: server, CLIENT_ID, CLIENT_SECRET, PASSWORD } = process.env;
const config = {
  client: { id: CLIENT_ID, secret: CLIENT_SECRET },
  auth: { tokenHost: server, tokenPath: "/token", revokePath: "/token/revoke" },
};
const client = new ResourceOwnerPassword(config);
const first = await client.getToken({ username: "alice", password: PASSWORD, scope: "read" });
const second = await first.refresh();
const refused = async (token) => token.refresh().then(() => null, (error) => error.data.payload.error);
await second.revoke("refresh_token");
const own = await new ClientCredentials(config).getToken({});
console.log(JSON.stringify({ scope: first.token.scope, refused: await refused(second), own: "access_token" in own.token }));
