// What settings point at, put in its place: networks by their names, CAs by their files.
import { readFileSync } from 'node:fs';
import { dirname, resolve as resolvePath } from 'node:path';
import type { Finding } from './mistakes.ts';
import { nearest } from './nearest.ts';
import type { Network } from './network.ts';
import type { CheckedFile } from './schema.ts';
import type { Target } from './target.ts';

/** CAs to trust: the PEM itself, or the ARN of the secret that holds it. */
export type CaSettings = { readonly pem: string } | { readonly secret: string };

/** TLS beyond its default. */
export interface TargetTls extends Omit<NonNullable<Target['tls']>, 'ca'> {
  readonly ca?: CaSettings | undefined;
}

/** A target with all that it needs. */
export interface TargetSettings extends Omit<Target, 'network' | 'tls'> {
  readonly network?: (Network & { readonly name: string }) | undefined;
  readonly tls?: TargetTls | undefined;
}

/**
 * keyferry.toml as checked, with its defaults; sizes in bytes, durations in ms. Plain data that JSON can hold, without
 * any secret.
 */
export interface Config extends Omit<CheckedFile, 'targets'> {
  readonly targets: Readonly<Record<string, TargetSettings>>;
}

/** @param file what the paths in the configuration start from */
export function resolveConfig(checked: CheckedFile, file: string): { config: Config; findings: Finding[] } {
  const findings: Finding[] = [];
  const targets = Object.entries(checked.targets).map(([name, target]) => {
    const network = findNetwork(target.network, checked.networks, (message) => {
      findings.push({ path: ['targets', name, 'network'], message });
    });
    const tls = readCa(target.tls, file, (message, secret = false) => {
      findings.push({ path: ['targets', name, 'tls', 'ca'], message, secret });
    });
    return [name, { ...target, network, tls }];
  });
  return { config: { ...checked, targets: Object.fromEntries(targets) }, findings };
}

function findNetwork(
  name: string | undefined,
  networks: CheckedFile['networks'],
  report: (message: string) => void,
): TargetSettings['network'] {
  if (name === undefined) return undefined;
  const network = Object.hasOwn(networks, name) ? networks[name] : undefined;
  if (network !== undefined) return { ...network, name };
  const near = nearest(name, Object.keys(networks));
  report(
    `there is no network of this name. ${near === undefined ? 'Add a table [networks.NAME] for it' : `Did you mean ${near}?`}`,
  );
  return undefined;
}

function readCa(
  tls: Target['tls'],
  file: string,
  report: (message: string, secret?: boolean) => void,
): TargetTls | undefined {
  if (tls?.ca === undefined || 'secret' in tls.ca) return tls as TargetTls | undefined;
  let pem: string;
  try {
    pem = readFileSync(resolvePath(dirname(file), tls.ca.file), 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    report(`this file cannot be read (${code}). Its path starts at the folder of the configuration`);
    return undefined;
  }
  if (pem.includes('PRIVATE KEY-----')) {
    report('this file holds a private key, and would be deployed. Name one with the certificates alone', true);
  } else if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    report('this file is no PEM of a certificate. Convert it: openssl x509 -inform der -in FILE -out ca.pem');
  }
  return { ...tls, ca: { pem } };
}
