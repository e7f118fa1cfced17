"""Verifies a token with the published keys: PyJWT's PyJWKClient. Prints the claims or the error."""

import json
import os

import jwt

token = os.environ["TOKEN"]
try:
    key = jwt.PyJWKClient(os.environ["JWKS_URL"]).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=[os.environ["ALGORITHM"]], issuer=os.environ["ISSUER"])
    print(json.dumps(claims))
except jwt.PyJWTError as error:
    print(json.dumps({"refused": type(error).__name__}))
