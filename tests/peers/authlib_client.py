"""A client on Authlib: every grant, introspection and revocation. Prints the results as JSON."""

import json
import os

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

url = os.environ["URL"]
client = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
results = {}

for method in ["client_secret_basic", "client_secret_post"]:
    session = OAuth2Session(*client, token_endpoint_auth_method=method, scope="read")
    token = session.fetch_token(f"{url}/token", username="alice", password=os.environ["PASSWORD"])
    again = session.refresh_token(f"{url}/token", refresh_token=token["refresh_token"])
    before = session.introspect_token(f"{url}/token/introspect", token=again["access_token"]).json()
    me = session.get(f"{url}/me").json()
    status = session.revoke_token(f"{url}/token/revoke", token=again["refresh_token"]).status_code
    after = session.introspect_token(f"{url}/token/introspect", token=again["access_token"]).json()
    try:
        session.refresh_token(f"{url}/token", refresh_token=again["refresh_token"])
        refused = None
    except OAuthError as error:
        refused = error.error
    results[method] = {
        "scope": token["scope"], "rotated": token["refresh_token"] != again["refresh_token"], "active": before["active"],
        "me": me["username"], "revoked": status, "active_after": after, "refused": refused,
    }

session = OAuth2Session(*client, scope="read write")
own = session.fetch_token(f"{url}/token", grant_type="client_credentials")
results["client_credentials"] = {"scope": own["scope"], "has_refresh_token": "refresh_token" in own}
print(json.dumps(results))
