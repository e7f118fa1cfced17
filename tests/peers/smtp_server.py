"""A mail server that stores each mail as a JSON file in FOLDER.

The file FOLDER/mode sets its reply to each mail: ok, slow (after 3 s), or a reply code such as 451 or 550.
TLS=start requires STARTTLS, and TLS=implicit requires TLS from the first byte. The certificate for 127.0.0.1 is created
at the start; its issuer is FOLDER/ca.pem. PASSWORD requires the user "vestibule" with that password.
"""

import asyncio
import datetime
import email
import email.policy
import ipaddress
import json
import os
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult

FOLDER = pathlib.Path(os.environ["FOLDER"])


class MailHandler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        mode = (FOLDER / "mode").read_text().strip()
        if mode.isdigit():
            return f"{mode} not now, {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if (FOLDER / "mode").read_text().strip() == "slow":
            await asyncio.sleep(3)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail = {
            "to": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "text": message.get_body(("plain",)).get_content(),
            "html": message.get_body(("html",)).get_content(),
            "is_protected": server.transport.get_extra_info("ssl_object") is not None,
        }
        MailHandler.count += 1
        name = f"{os.getpid():08}-{MailHandler.count:06}.json"
        (FOLDER / f".{name}").write_text(json.dumps(mail))
        (FOLDER / f".{name}").rename(FOLDER / name)
        return "250 OK"


def make_context():
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, ca_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)

    def build(subject, public_key, extension):
        builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("test CA")).public_key(public_key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
        return builder.add_extension(extension, critical=True).sign(ca_key, hashes.SHA256())

    ca = build("test CA", ca_key.public_key(), x509.BasicConstraints(ca=True, path_length=0))
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    leaf = build("mail", key.public_key(), x509.SubjectAlternativeName([address]))
    (FOLDER / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (FOLDER / "leaf.pem").write_bytes(pem + leaf.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(FOLDER / "leaf.pem")
    return context


def authenticate(server, session, envelope, mechanism, data):
    is_correct = data.login == b"vestibule" and data.password == os.environ["PASSWORD"].encode()
    # `handled` would mean that this function has already sent the reply.
    return AuthResult(success=is_correct, handled=False)


async def main():
    options, ssl_context = {}, None
    if os.environ.get("TLS") == "start":
        options = {"tls_context": make_context(), "require_starttls": True}
    if os.environ.get("TLS") == "implicit":
        ssl_context = make_context()
    if "PASSWORD" in os.environ:
        options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(MailHandler(), hostname="mail.test", enable_SMTPUTF8=True, **options),
        "127.0.0.1",
        int(os.environ.get("PORT", "0")),
        ssl=ssl_context,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
