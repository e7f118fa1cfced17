"""Writes vectors.tsv: password hashes in each format that Vestibule imports, most of them made by the software itself.

Each line is a format, a password as a JSON string, and its hash; Firebase's parameters are constants of the test. Costs
are low, so that a test takes little time. hashlib computes the hashes of ASP.NET Core Identity, Keycloak and Drupal from
their documented layouts, PHP those of WordPress 6.8 from its documented formula, and passlib those of phpass.

    python -m venv venv && venv/bin/pip install django passlib bcrypt==4.0.1 argon2-cffi werkzeug && venv/bin/pip install --no-deps pwdlib
    npm install better-auth firebase-scrypt
    venv/bin/python make.py > vectors.tsv     # also needs php-cli, and htpasswd of apache2-utils
"""

import base64
import hashlib
import json
import os
import struct
import subprocess
import sys

import bcrypt
import django
from django.conf import settings

settings.configure(PASSWORD_HASHERS=["django.contrib.auth.hashers." + name for name in (
    "PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "Argon2PasswordHasher", "BCryptSHA256PasswordHasher",
    "BCryptPasswordHasher", "ScryptPasswordHasher")])
django.setup()

import argon2
import passlib.hash
import pwdlib.hashers.argon2
import pwdlib.hashers.bcrypt
import werkzeug.security
from django.contrib.auth import hashers

HERE = os.path.dirname(os.path.abspath(__file__))
ASCII, UMLAUT, SPACES, LONG = "correct horse", "Passwörter ﬁnden 🐎", " edge spaces ", "0123456789" * 8
QUOTES = "quote's \"and\" back\\slash"
WORDPRESS = """echo '$wp' . password_hash(base64_encode(hash_hmac("sha384", trim(stream_get_contents(STDIN)), "wp-sha384", true)), PASSWORD_BCRYPT, ["cost" => 4]);"""


def line(format, password, hash):
    print(format, json.dumps(password), hash, sep="\t", flush=True)


def run(command, password):
    return subprocess.run(command, input=password.encode(), stdout=subprocess.PIPE, check=True, cwd=HERE).stdout.decode().strip()


for password in (ASCII, UMLAUT, SPACES, LONG):
    for variant in argon2.Type:
        for version in (16, 19):
            raw = argon2.low_level.hash_secret(password.encode(), os.urandom(16), 2, 64, 2, 24, variant, version)
            line("argon2", password, raw.decode())
    for prefix in (b"2a", b"2b"):
        line("bcrypt", password, bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4, prefix)).decode())
    line("bcrypt", password, passlib.hash.bcrypt.using(rounds=4).hash(password.encode()[:72]))
    line("bcrypt", password, "{bcrypt}" + bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4, b"2a")).decode())
    line("bcrypt", password, run(["htpasswd", "-niBC", "4", "user"], password).removeprefix("user:"))
    line("bcrypt", password, run(["php", "-r", 'echo password_hash(stream_get_contents(STDIN), PASSWORD_BCRYPT, ["cost" => 4]);'], password))
    # crypt_blowfish of PHP also computes the faulty $2x$.
    salt = "abcdefghijklmnopqrstuu"
    line("bcrypt", password, run(["php", "-r", f"echo crypt(stream_get_contents(STDIN), '$2x$04${salt}');"], password))
    line("django-argon2", password, hashers.make_password(password, hasher="argon2"))
    line("django-bcrypt", password, "bcrypt$" + bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode())
    hasher = hashers.BCryptSHA256PasswordHasher()
    line("django-bcrypt-sha256", password, hasher.encode(password, bcrypt.gensalt(4)))
    line("django-pbkdf2-sha256", password, hashers.PBKDF2PasswordHasher().encode(password, "saltsalt", 1_000))
    line("django-pbkdf2-sha1", password, hashers.PBKDF2SHA1PasswordHasher().encode(password, "saltsalt", 1_000))
    line("django-scrypt", password, hashers.ScryptPasswordHasher().encode(password, "saltsalt", n=16, r=8, p=2))
    for name in ("pbkdf2_sha1", "pbkdf2_sha256", "pbkdf2_sha512"):
        line("passlib-pbkdf2", password, getattr(passlib.hash, name).using(rounds=100).hash(password))
    for version in (1, 2):
        hasher = passlib.hash.bcrypt_sha256.using(rounds=4, version=version)
        line("passlib-bcrypt-sha256", password, hasher.hash(password))
    line("passlib-scrypt", password, passlib.hash.scrypt.using(rounds=4).hash(password))
    for name in ("sha256_crypt", "sha512_crypt"):
        line("sha-crypt", password, getattr(passlib.hash, name).using(rounds=1_000).hash(password))
        line("sha-crypt", password, getattr(passlib.hash, name).using(rounds=5_000).hash(password))
    line("werkzeug-scrypt", password, werkzeug.security.generate_password_hash(password, "scrypt:1024:8:1"))
    for digest in ("sha1", "sha256", "sha512"):
        line("werkzeug-pbkdf2", password, werkzeug.security.generate_password_hash(password, f"pbkdf2:{digest}:100"))
    # WordPress 6.8, wp_hash_password().
    line("wordpress", password, run(["php", "-r", WORDPRESS], password))
    line("wordpress-phpass", password, passlib.hash.phpass.using(rounds=7, ident="$P$").hash(password.strip()))
    line("phpass", password, passlib.hash.phpass.using(rounds=7, ident="$H$").hash(password))
    line("md5-crypt", password, passlib.hash.apr_md5_crypt.hash(password))
    line("md5-crypt", password, passlib.hash.md5_crypt.hash(password))
    line("better-auth", password, run(["node", "better_auth.mjs"], password))
    line("firebase", password, run(["node", "firebase.mjs"], password))
    # The documented layouts of ASP.NET Core Identity and Keycloak, and Drupal's algorithm, computed by hashlib.
    for prf, digest in enumerate(("sha1", "sha256", "sha512")):
        salt = os.urandom(16)
        key = hashlib.pbkdf2_hmac(digest, password.encode(), salt, 100, 32)
        line("aspnet-identity", password, base64.b64encode(b"\1" + struct.pack(">III", prf, 100, 16) + salt + key).decode())
    for name, digest in (("pbkdf2", "sha1"), ("pbkdf2-sha256", "sha256"), ("pbkdf2-sha512", "sha512")):
        salt = os.urandom(16)
        key = hashlib.pbkdf2_hmac(digest, password.encode(), salt, 100, 64)
        line("keycloak-pbkdf2", password, f"{name}$100${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}")
    state = hashlib.sha512(b"saltsalt" + password.encode()).digest()
    for _ in range(1 << 7):
        state = hashlib.sha512(state + password.encode()).digest()
    encoded = passlib.utils.binary.h64.encode_bytes(state).decode()
    line("drupal", password, ("$S$5saltsalt" + encoded)[:55])

line("argon2", ASCII, pwdlib.hashers.argon2.Argon2Hasher().hash(ASCII))
line("bcrypt", ASCII, pwdlib.hashers.bcrypt.BcryptHasher(rounds=4).hash(ASCII))

# WordPress hashes what its forms send, after PHP's addslashes().
SLASHED = QUOTES.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"')
line("wordpress", QUOTES, run(["php", "-r", WORDPRESS], SLASHED))
line("wordpress-phpass", QUOTES, passlib.hash.phpass.using(rounds=8, ident="$P$").hash(SLASHED))
