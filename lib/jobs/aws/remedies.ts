// What to do about a failure, in the words of AWS. Errors are written for a terminal, with options to add and a command to
// run again; here there are settings in keyferry.toml, options beside a file, and a retry.

/** Where a setting stands, of a target and of one run. */
const SETTING = 'in keyferry.toml, or for this file alone in FILE.keyferry.json beside it';

/** A job keeps the settings that it began with: what it has written by then was written by them. */
const ANEW = 'and copy the file to its place again: that is a new job';

/** By the error's code. Others say what is right here too, but for the command to run again. */
const REMEDIES: Readonly<Record<string, string>> = {
  CLUSTER_MAP: 'Is there a proxy between? Then the target takes mode = "proxy" in keyferry.toml.',
  DB_AMBIGUOUS: `Leave the database out of the target’s endpoint, or set only-db, merge-dbs or db-map: ${SETTING}.`,
  INPUT_CHANGED: 'What was written over it is a job of its own. What this one has written stays on the target.',
  JSON_LINE_TOO_LONG: 'Decode anew, or write the file with shorter lines: long values then go in parts.',
  LEDGER_DAMAGED:
    'Copy the file to its place again: that is a new job. With on-conflict = "rewrite" or "skip" it is safe on what was written already.',
  LEDGER_OTHER_JOB: `Give the target its settings back and retry the job; or set on-conflict = "rewrite" or "skip" ${ANEW}.`,
  SENTINEL_UNREACHABLE:
    'Check addresses and ports: sentinels listen at 26379, not where the servers do, and have passwords and users of their own: sentinelPassword and sentinelUsername in the target’s secret.',
  TARGET_AUTH:
    'Compare the server’s users with the secret that the target names in keyferry.toml: it holds the password alone, or JSON with "username" and "password". A server without passwords gets no secret.',
  TARGET_COMMAND:
    'keyferry needs SET under its own name, and RESTORE unless values are to go by other commands. Is there a proxy? Then the target takes mode = "proxy" in keyferry.toml.',
  TARGET_DB: `Map the database to another one by db-map, or put all into one by merge-dbs: ${SETTING}.`,
  TARGET_FULL: `Raise maxmemory, take a larger server, or leave databases out by only-db: ${SETTING}.`,
  TARGET_FUNCTION_EXISTS: `It was left as it is. Remove it with FUNCTION DELETE and retry the job; or set on-conflict = "rewrite" or "skip", ${SETTING}, ${ANEW}.`,
  TARGET_KEY_EXISTS: `It was left as it is. Remove the key and retry the job; or set on-conflict = "rewrite" (replace) or "skip" (leave), ${SETTING}, ${ANEW}.`,
  TARGET_LOSSES:
    'Restore into a newer server, raise big-key-bytes, or let the user call RESTORE. Without strict = true the rest is written, and the report counts what was lost.',
  TARGET_MODULES: 'Load the modules there. From a terminal such keys can be left out: keyferry restore --help',
  TARGET_NOT_READY:
    'Wait until it is ready: INFO persistence tells. SCRIPT KILL or FUNCTION KILL ends what does not end.',
  TARGET_TLS:
    'Look at the target in keyferry.toml: rediss:// is with TLS, redis:// without; tls.ca names the CA, tls.server-name the name in the certificate, tls.client-cert-secret the certificate to show.',
  TARGET_TYPES: 'Restore into a newer server. From a terminal such keys can be left out: keyferry restore --help',
  TARGET_UNREACHABLE:
    'Is the server up, and does the function get there: the target’s endpoint and network in keyferry.toml, routes, and the server’s security group? keyferry aws doctor asks each target.',
};

/** Words of a terminal, and what stands for them here; the first that fits a place counts. */
const WORDS: readonly [RegExp, string][] = [
  [/, fetch it again, and run the same command\./, ' and put it there again.'],
  [/The same command again goes on from here\./, 'Retry the job: it goes on from here.'],
  [/(R|\br)un the same command again/, '$1etry the job'],
];

/** @param remedy as the error has it, for a terminal */
export function remedyOnAws(code: string, remedy: string): string {
  if (Object.hasOwn(REMEDIES, code)) return REMEDIES[code] as string;
  return WORDS.reduce((text, [words, instead]) => text.replace(words, instead), remedy);
}

/** What a message says of options. */
export const messageOnAws = (message: string): string => message.replace('--tls-ca', 'tls.ca');
