// Node 18 has the Web Cryptography API, but not as the global that jose uses. Loaded first, by --import.

import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
