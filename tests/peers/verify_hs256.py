"""A resource server's check by a shared secret, with both libraries that the tutorial has used. Prints each one's claims or error."""

import json
import os

import jose.exceptions
import jose.jwt
import jwt

token, secret = os.environ["TOKEN"], os.environ["SECRET_KEY"]
answers = {}
try:
    answers["PyJWT"] = jwt.decode(token, secret, algorithms=["HS256"])
except jwt.PyJWTError as error:
    answers["PyJWT"] = type(error).__name__
try:
    answers["python-jose"] = jose.jwt.decode(token, secret, algorithms=["HS256"])
except jose.exceptions.JOSEError as error:
    answers["python-jose"] = type(error).__name__
print(json.dumps(answers))
