// Hashes the password on standard input as better-auth does.
import { readFileSync } from "node:fs";
import { hashPassword } from "better-auth/crypto";

console.log(await hashPassword(readFileSync(0, "utf8")));
