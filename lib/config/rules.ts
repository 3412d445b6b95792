// What one part of a configuration says against another: contradictions, which are mistakes, and doubts, which are warnings.
import { endpointParts } from './endpoint-url.ts';
import type { Finding } from './mistakes.ts';
import type { KeyPath } from './positions.ts';
import type { Config, SourceSettings, TargetSettings } from './resolve.ts';
import { countResources, MOST_RESOURCES } from './resources.ts';

/** Contradictions between tables. */
export function* contradictions(config: Config): Generator<Finding> {
  const { region } = config;
  yield* tooMany(config);
  for (const [path, arn] of arnsOf(config)) {
    const [, , , arnRegion] = arn.split(':');
    if (region !== undefined && arnRegion !== region) {
      yield { path, message: 'this is in another region than `region` names. Use one of that region' };
    }
  }
  const makers = new Map<string, string>();
  for (const [name, { vpc, endpoints, subnets }] of Object.entries(config.networks)) {
    const maker = makers.get(vpc);
    if (endpoints === 'create' && maker !== undefined) {
      const message = `networks.${maker} makes the endpoints of this VPC already. Write endpoints = "existing"`;
      yield { path: ['networks', name, 'endpoints'], message };
    } else if (endpoints === 'create') {
      makers.set(vpc, name);
    }
    for (const [at, { zone }] of subnets.entries()) {
      if (region === undefined || zone.startsWith(region)) continue;
      const path = ['networks', name, 'subnets', at, 'zone'];
      yield { path, message: 'this zone is in another region than `region` names' };
    }
  }
}

function* tooMany(config: Config): Generator<Finding> {
  const resources = countResources(config);
  if (resources <= MOST_RESOURCES) return;
  const [targets, sources] = [config.targets, config.sources].map((all) => Object.keys(all).length) as [number, number];
  const message = `${targets} targets and ${sources} sources make some ${resources} resources, and CloudFormation takes ${MOST_RESOURCES} a stack. Give some of them a stack with a configuration of its own`;
  yield { path: [targets >= sources ? 'targets' : 'sources'], message };
}

/** What will probably not work, or not as it is meant. */
export function* doubts(config: Config): Generator<Finding> {
  const { networks } = config;
  for (const [name, target] of Object.entries(config.targets)) {
    for (const [keys, message] of serverDoubts(target)) yield { path: ['targets', name, ...keys], message };
    for (const [keys, message] of databaseDoubts(target)) yield { path: ['targets', name, ...keys], message };
  }
  for (const [name, source] of Object.entries(config.sources)) {
    for (const [keys, message] of serverDoubts(source)) yield { path: ['sources', name, ...keys], message };
    if (endpointParts(source.endpoint).db !== undefined) {
      yield { path: ['sources', name, 'endpoint'], message: 'a backup holds all databases, whichever the URL names' };
    }
  }
  const servers = [...Object.values(config.targets), ...Object.values(config.sources)];
  const used = new Set(servers.map(({ network }) => network?.name));
  for (const [name, { endpoints, nat }] of Object.entries(networks)) {
    if (!used.has(name)) {
      yield { path: ['networks', name], message: 'no target or source uses this network, so nothing is made for it' };
    } else if (endpoints === 'none' && !nat) {
      yield {
        path: ['networks', name],
        message:
          'functions in this VPC have no way out: without one they reach neither S3 nor DynamoDB nor Secrets Manager. Write endpoints = "create", or endpoints = "existing" where the VPC has them, or nat = true where the subnets lead to a NAT gateway',
      };
    }
  }
}

function* serverDoubts({ endpoint, secret, network }: TargetSettings | SourceSettings): Generator<[KeyPath, string]> {
  const { tls, hosts } = endpointParts(endpoint);
  if (secret !== undefined && !tls) {
    yield [
      ['endpoint'],
      'the password goes over the network as it is. Write rediss:// instead of redis:// if the server has TLS',
    ];
  }
  if (hosts.some(isLoopback)) {
    yield [['endpoint'], 'this address is the function’s own: no server listens there'];
  } else if (network === undefined && hosts.some(isInsideVpc)) {
    yield [
      ['endpoint'],
      'this address is reached from inside its VPC only. Name the network: network = "NAME", with a table [networks.NAME]',
    ];
  }
}

function* databaseDoubts({ endpoint, dbMap = {} }: TargetSettings): Generator<[KeyPath, string]> {
  const { hosts, db } = endpointParts(endpoint);
  const others = Object.values(dbMap).some((to) => to !== 0) || (db ?? 0) !== 0;
  if (others && hosts.some(isAwsCluster)) {
    const key = (db ?? 0) !== 0 ? 'endpoint' : 'db-map';
    yield [[key], 'this is a cluster, which has database 0 only (unless it is Valkey 9 with cluster-databases)'];
  }
}

/** All ARNs, with their keys as they stand in the file. */
function* arnsOf({ encryption, notify, targets, sources }: Config): Generator<[KeyPath, string]> {
  if (encryption !== 's3') yield [['encryption'], encryption];
  if (notify.topic !== undefined) yield [['notify', 'topic'], notify.topic];
  const servers = Object.entries({ targets, sources }).flatMap(([table, all]) =>
    Object.entries<TargetSettings | SourceSettings>(all).map(([name, server]) => [[table, name], server] as const),
  );
  for (const [path, { secret, tls }] of servers) {
    if (secret !== undefined) yield [[...path, 'secret'], secret];
    const cert = tls?.clientCertSecret;
    if (cert !== undefined) yield [[...path, 'tls', 'client-cert-secret'], cert];
    if (tls?.ca !== undefined && 'secret' in tls.ca) yield [[...path, 'tls', 'ca'], tls.ca.secret];
  }
}

const isLoopback = (host: string): boolean => /^(?:localhost|127\.[\d.]+|::1)$/i.test(host);

/** Private addresses, and names that AWS gives to caches. */
const isInsideVpc = (host: string): boolean =>
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)[\d.]+$/.test(host) ||
  /\.(?:cache|memorydb)\.(?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?$/i.test(host) ||
  /\.memorydb\.[a-z0-9-]+\.amazonaws\.com/i.test(host);

/** A configuration endpoint, or a serverless cache. */
const isAwsCluster = (host: string): boolean => /^clustercfg\.|\.serverless\./i.test(host) && isInsideVpc(host);
