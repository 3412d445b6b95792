// Finds passwords that stand in a configuration as themselves: whatever stands there ends up in templates and logs.
import { arnForm } from './fields.ts';
import type { Finding } from './mistakes.ts';
import type { KeyPath } from './positions.ts';

const SECRET_KEY =
  /pass(?:word|wd|phrase)|secret|token|credential|apikey|accesskey|privatekey|^(?:pass|pwd|auth|requirepass|masterauth)$/;
const URL_PASSWORD = /:\/\/[^\s@]*:[^\s]*@/;
const QUERY_PASSWORD = /[?&](?:password|passwd|pass|pwd|auth)=/i;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY/;

const MEND =
  'Put it into Secrets Manager (aws secretsmanager create-secret --name keyferry/NAME --secret-string file://FILE) and write the ARN that this prints: secret = "arn:…"';

/** @param raw the file as parsed, before any check */
export function literalSecrets(raw: unknown): Finding[] {
  return [...search(raw, [], '')];
}

function* search(value: unknown, path: KeyPath, key: string): Generator<Finding> {
  if (typeof value === 'object' && value !== null) {
    for (const [name, below] of Object.entries(value)) {
      const isElement = Array.isArray(value);
      yield* search(below, [...path, isElement ? Number(name) : name], isElement ? key : name);
    }
    return;
  }
  const message = offence(String(value), key);
  if (message !== undefined && typeof value !== 'boolean') yield { path, message, secret: true };
}

function offence(value: string, key: string): string | undefined {
  if (PRIVATE_KEY.test(value)) return `a private key must not stand here. ${MEND}`;
  if (URL_PASSWORD.test(value) || QUERY_PASSWORD.test(value)) {
    return `this URL has a password in it. Leave the user alone in the URL. ${MEND}`;
  }
  const hides = SECRET_KEY.test(key.toLowerCase().replace(/[-_]/g, ''));
  if (hides && !arnForm('secret').test(value))
    return `only the whole ARN of a secret may stand here, never the secret. ${MEND}`;
  return undefined;
}
