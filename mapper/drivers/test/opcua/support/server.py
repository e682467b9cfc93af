# SPDX-License-Identifier: Apache-2.0
# An OPC UA server for tests, of a library that knows nothing of ours: asyncua.
# Usage: server.py FOLDER PORT. Says "ready PORT" when it serves; FOLDER gets its certificate, server.der.
# The user "operator" with the password "pass word" may write; nodes are ns=2;s=<type>.
import asyncio
import logging
import sys
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import SimpleRoleRuleset
from asyncua.server.user_managers import User, UserManager, UserRole
from cryptography.x509.oid import ExtendedKeyUsageOID

logging.disable(logging.CRITICAL)
URI = "urn:longshore:test-server"

NODES = {
    "Boolean": (True, ua.VariantType.Boolean),
    "SByte": (-5, ua.VariantType.SByte),
    "Byte": (200, ua.VariantType.Byte),
    "Int16": (-30000, ua.VariantType.Int16),
    "UInt16": (60000, ua.VariantType.UInt16),
    "Int32": (-2000000000, ua.VariantType.Int32),
    "UInt32": (4000000000, ua.VariantType.UInt32),
    "Int64": (-9007199254740993, ua.VariantType.Int64),
    "UInt64": (9223372036854775807, ua.VariantType.UInt64),
    "Float": (21.5, ua.VariantType.Float),
    "Double": (3.141592653589793, ua.VariantType.Double),
    "String": ("grün", ua.VariantType.String),
    "DateTime": (datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc), ua.VariantType.DateTime),
    "Guid": (uuid.UUID("12345678-1234-5678-1234-567812345678"), ua.VariantType.Guid),
    "ByteString": (b"\x00\x01\xff", ua.VariantType.ByteString),
    "NodeId": (ua.NodeId(85), ua.VariantType.NodeId),
    "LocalizedText": (ua.LocalizedText("Pumpe"), ua.VariantType.LocalizedText),
    "QualifiedName": (ua.QualifiedName("valve", 2), ua.VariantType.QualifiedName),
    "Array": ([1, 2, 3], ua.VariantType.Int32),
}


class Users(UserManager):
    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username is None:
            return User(role=UserRole.User)
        right = username == "operator" and password == "pass word"
        return User(role=UserRole.User) if right else None


async def main():
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    server = Server(user_manager=Users())
    await server.init()
    await server.set_application_uri(URI)
    key, certificate = folder / "server-key.pem", folder / "server.der"
    if not certificate.exists():
        usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        await setup_self_signed_certificate(key, certificate, URI, "localhost", usage, {"commonName": "test"})
    await server.load_certificate(str(certificate))
    await server.load_private_key(str(key))
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/test")
    server.set_security_policy(
        [
            ua.SecurityPolicyType.NoSecurity,
            ua.SecurityPolicyType.Basic256Sha256_Sign,
            ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
        ],
        permission_ruleset=SimpleRoleRuleset(),
    )
    space = await server.register_namespace("urn:longshore:test-nodes")
    objects = server.nodes.objects
    for name, (value, kind) in NODES.items():
        node = await objects.add_variable(ua.NodeId(name, space), name, value, kind)
        await node.set_writable()
    await objects.add_variable(ua.NodeId("ReadOnly", space), "ReadOnly", 1, ua.VariantType.Int32)
    bad = await objects.add_variable(ua.NodeId("Broken", space), "Broken", 1, ua.VariantType.Int32)
    failed = ua.StatusCode(ua.StatusCodes.BadSensorFailure)
    await bad.write_value(ua.DataValue(ua.Variant(1, ua.VariantType.Int32), failed))
    doubted = await objects.add_variable(ua.NodeId("Doubted", space), "Doubted", 7, ua.VariantType.Int32)
    uncertain = ua.StatusCode(ua.StatusCodes.UncertainLastUsableValue)
    await doubted.write_value(ua.DataValue(ua.Variant(7, ua.VariantType.Int32), uncertain))
    connections = await objects.add_variable(ua.NodeId("Connections", space), "Connections", 0, ua.VariantType.Int32)
    async with server:
        print("ready", port, space, flush=True)
        while True:
            await connections.write_value(ua.Variant(len(server.bserver.clients), ua.VariantType.Int32))
            await asyncio.sleep(0.1)


asyncio.run(main())
