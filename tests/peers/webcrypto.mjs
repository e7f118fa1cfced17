// Node 18 has the Web Cryptography API, but not as a global, where jose looks for it. Loaded first, by --import.

import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
