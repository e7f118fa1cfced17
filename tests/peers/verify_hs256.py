"""Verifies a token with the shared secret, in both libraries of the tutorial. Prints the claims or the error of each."""

import json
import os

import jose.exceptions
import jose.jwt
import jwt

token, secret = os.environ["TOKEN"], os.environ["SECRET_KEY"]
results = {}
try:
    results["PyJWT"] = jwt.decode(token, secret, algorithms=["HS256"])
except jwt.PyJWTError as error:
    results["PyJWT"] = type(error).__name__
try:
    results["python-jose"] = jose.jwt.decode(token, secret, algorithms=["HS256"])
except jose.exceptions.JOSEError as error:
    results["python-jose"] = type(error).__name__
print(json.dumps(results))
