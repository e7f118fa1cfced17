"""A registered program on Authlib: every grant, introspection and revocation. Prints what it saw as JSON."""

import json
import os

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

url = os.environ["URL"]
client = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
saw = {}

for method in ["client_secret_basic", "client_secret_post"]:
    session = OAuth2Session(*client, token_endpoint_auth_method=method, scope="read")
    token = session.fetch_token(f"{url}/token", username="alice", password=os.environ["PASSWORD"])
    again = session.refresh_token(f"{url}/token", refresh_token=token["refresh_token"])
    worth = session.introspect_token(f"{url}/token/introspect", token=again["access_token"]).json()
    me = session.get(f"{url}/me").json()
    gone = session.revoke_token(f"{url}/token/revoke", token=again["refresh_token"]).status_code
    after = session.introspect_token(f"{url}/token/introspect", token=again["access_token"]).json()
    try:
        session.refresh_token(f"{url}/token", refresh_token=again["refresh_token"])
        refused = None
    except OAuthError as error:
        refused = error.error
    saw[method] = {
        "scope": token["scope"], "rotated": token["refresh_token"] != again["refresh_token"], "active": worth["active"],
        "me": me["username"], "revoked": gone, "active_after": after, "refused": refused,
    }

session = OAuth2Session(*client, scope="read write")
own = session.fetch_token(f"{url}/token", grant_type="client_credentials")
saw["client_credentials"] = {"scope": own["scope"], "has_refresh_token": "refresh_token" in own}
print(json.dumps(saw))
