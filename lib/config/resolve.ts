// What settings point at, put in its place: networks by their names, CAs by their files.
import { readFileSync } from 'node:fs';
import { dirname, resolve as resolvePath } from 'node:path';
import type { Finding } from './mistakes.ts';
import { nearest } from './nearest.ts';
import type { Network } from './network.ts';
import type { CheckedFile } from './schema.ts';
import type { Source } from './source.ts';
import type { Target } from './target.ts';

/** CAs to trust: the PEM itself, or the ARN of the secret that holds it. */
export type CaSettings = { readonly pem: string } | { readonly secret: string };

/** TLS beyond its default. */
export interface TargetTls extends Omit<NonNullable<Target['tls']>, 'ca'> {
  readonly ca?: CaSettings | undefined;
}

/** What a server's table points at. */
interface Resolved {
  readonly network?: (Network & { readonly name: string }) | undefined;
  readonly tls?: TargetTls | undefined;
}

/** A target with all that it needs. */
export interface TargetSettings extends Omit<Target, 'network' | 'tls'>, Resolved {}

/** A source with all that it needs. */
export interface SourceSettings extends Omit<Source, 'network' | 'tls'>, Resolved {}

/**
 * keyferry.toml as checked, with its defaults; sizes in bytes, durations in ms. Plain data that JSON can hold, without
 * any secret.
 */
export interface Config extends Omit<CheckedFile, 'targets' | 'sources'> {
  readonly targets: Readonly<Record<string, TargetSettings>>;
  readonly sources: Readonly<Record<string, SourceSettings>>;
}

/** @param file what the paths in the configuration start from */
export function resolveConfig(checked: CheckedFile, file: string): { config: Config; findings: Finding[] } {
  const findings: Finding[] = [];
  const resolved = <T extends Target | Source>(table: string, name: string, server: T) => {
    const network = findNetwork(server.network, checked.networks, (message) => {
      findings.push({ path: [table, name, 'network'], message });
    });
    const tls = readCa(server.tls, file, (message, secret = false) => {
      findings.push({ path: [table, name, 'tls', 'ca'], message, secret });
    });
    return { ...server, network, tls };
  };
  const all = <T extends Target | Source>(table: string, servers: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(servers).map(([name, server]) => [name, resolved(table, name, server)]));
  const [targets, sources] = [all('targets', checked.targets), all('sources', checked.sources)];
  return { config: { ...checked, targets, sources }, findings };
}

function findNetwork(
  name: string | undefined,
  networks: CheckedFile['networks'],
  report: (message: string) => void,
): Resolved['network'] {
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
