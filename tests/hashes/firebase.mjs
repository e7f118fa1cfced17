// Hashes the password on standard input as Firebase does, as salt:hash, for a project with made-up parameters.
import { readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import firebase from "firebase-scrypt";

const scrypt = new firebase.FirebaseScrypt({
  memCost: 4,
  rounds: 8,
  saltSeparator: "Bw==",
  signerKey: Buffer.from("a made-up signer key of sixty-four bytes, as projects have......").toString("base64"),
});
const salt = randomBytes(12).toString("base64");
console.log(`${salt}:${await scrypt.hash(readFileSync(0, "utf8"), salt)}`);
