// The doctor's first questions: does something answer there, does it let us in, what is it, and are all its masters in reach?
import { TLSSocket } from 'node:tls';
import { KeyferryError } from '../errors.ts';
import { Cluster } from '../redis/cluster.ts';
import { Control } from '../redis/control.ts';
import { dial } from '../redis/dial.ts';
import type { Endpoint } from '../redis/endpoint.ts';
import type { Fleet, Master } from '../redis/fleet.ts';
import { openFleet } from '../redis/open-fleet.ts';
import { refusal } from '../redis/refusals.ts';
import { SentinelFleet } from '../redis/sentinel-fleet.ts';
import { parseInfo, type ServerInfo, showVersion } from '../redis/server-info.ts';
import { SLOTS } from '../redis/slots.ts';
import { Standalone } from '../redis/standalone.ts';
import { ErrorReply } from '../resp/reply-reader.ts';
import { formatCount } from '../text/count.ts';
import type { DoctorTask } from './doctor.ts';
import type { Findings } from './doctor-findings.ts';

export interface ReachedServer {
  readonly endpoint: Endpoint;
  readonly control: Control;
  /** With its fields empty where the user may not call INFO. */
  readonly info: ServerInfo;
}

export interface Reached {
  readonly fleet: Fleet;
  /** The masters that answer; behind a proxy the proxy. At least one. */
  readonly servers: readonly ReachedServer[];
  /** False where INFO may not be called. */
  readonly told: boolean;
  /** Every master answers, and every slot has one: keys can be asked about. */
  readonly whole: boolean;
}

/** @returns `undefined` where nothing more can be asked: what stands in the way has been entered */
export async function reachTarget(task: DoctorTask, findings: Findings): Promise<Reached | undefined> {
  if (task.mode === 'proxy') return reachProxy(task, findings);
  const { sentinel } = task.target;
  let control: Control;
  let fleet: Fleet | undefined;
  if (sentinel === undefined) {
    control = new Control({ ...task, endpoint: task.target });
  } else {
    const watched = await findings.attempt('sentinels', () =>
      SentinelFleet.open({ ...task, target: { ...task.target, sentinel } }),
    );
    if (watched === undefined) return undefined;
    fleet = watched;
    control = watched.control(watched.masters[0].endpoint);
    findings.add('sentinels', 'ok', `They name ${address(control.endpoint)} as the master ${sentinel.master}.`);
  }
  const info = (await logIn(task, control, findings)) ? await askInfo(control, findings) : undefined;
  if (info === undefined) {
    control.end();
    fleet?.end();
    return undefined;
  }
  if (info !== 'hidden' && info.cluster && fleet === undefined) return reachCluster(task, control, info, findings);
  tellKind(fleet === undefined ? 'A standalone server' : 'A server that sentinels watch', info, findings);
  const told = info !== 'hidden';
  const server = { endpoint: control.endpoint, control, info: told ? info : parseInfo('') };
  fleet ??= new Standalone(control, server.info.replicas);
  return { fleet, servers: [server], told, whole: server.info.role === 'master' };
}

async function reachProxy(task: DoctorTask, findings: Findings): Promise<Reached | undefined> {
  const opened = await findings.attempt(stepOf, () => openFleet(task));
  if (opened === undefined) return undefined;
  const { fleet, told } = opened;
  const { endpoint } = fleet.masters[0] as Master;
  findings.add('address', 'ok', `Something answers at ${address(endpoint)}.`);
  findings.add('kind', 'ok', 'It is taken for a proxy (--mode proxy): no transactions, no databases, no functions.');
  const [info = parseInfo('')] = opened.servers;
  return { fleet, servers: [{ endpoint, control: fleet.control(endpoint), info }], told, whole: true };
}

/** Connects and logs in; true where commands can be run. */
async function logIn(task: DoctorTask, control: Control, findings: Findings): Promise<boolean> {
  const { endpoint } = control;
  const [link, reply] = await Promise.all([
    linkTo(endpoint, task.patienceMs),
    findings.attempt(stepOf, () => control.answer(0, 'PING')),
  ]);
  if (reply === undefined) return false;
  findings.add('address', 'ok', `Something answers at ${address(endpoint)}${link}.`);
  if (reply instanceof ErrorReply && reply.code !== 'NOPERM') {
    findings.error(reply.code === 'LOADING' ? 'loading' : 'ready', refusal(reply, { where: control.name }));
    return false;
  }
  const user = endpoint.username ?? 'default';
  const how =
    endpoint.password === undefined
      ? 'without a password'
      : typeof endpoint.password === 'function'
        ? 'with a token made for this login'
        : 'with a password';
  findings.add('login', 'ok', `Logged in as ${user}, ${how}.`);
  return true;
}

/** Which check an error of the first contact belongs to. */
function stepOf({ code }: KeyferryError): string {
  if (code === 'TARGET_AUTH') return 'login';
  return code === 'TARGET_NOT_READY' || code === 'TARGET_CLIENTS' ? 'ready' : 'address';
}

/** What can be told of a connection, in words that follow the address; empty where it does not come up. */
function linkTo(endpoint: Endpoint, timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = dial(
      endpoint,
      () => {
        resolve(socket instanceof TLSSocket ? tlsWords(socket) : endpoint.path === undefined ? ', without TLS' : '');
        socket.destroy();
      },
      timeoutMs,
    );
    // Why not, the login tells.
    socket.on('error', () => resolve(''));
    socket.on('close', () => resolve(''));
  });
}

function tlsWords(socket: TLSSocket): string {
  const until = new Date(socket.getPeerCertificate().valid_to);
  const date = Number.isNaN(until.getTime())
    ? ''
    : `; its certificate is valid until ${until.toISOString().slice(0, 10)}`;
  return `, with ${socket.getProtocol()?.replace('v', ' ') ?? 'TLS'} (${socket.getCipher().standardName})${date}`;
}

/** What a server says of itself: `hidden` where the user may not ask, `undefined` where it answers nothing of use. */
async function askInfo(control: Control, findings: Findings): Promise<ServerInfo | 'hidden' | undefined> {
  const reply = await findings.attempt('server', () => control.answer(0, 'INFO'));
  if (reply === undefined) return undefined;
  if (!(reply instanceof ErrorReply)) return parseInfo(String(reply));
  if (reply.code !== 'NOPERM') {
    findings.error('server', refusal(reply, { where: control.name, command: 'INFO' }));
    return undefined;
  }
  const user = control.endpoint.username ?? 'default';
  findings.add(
    'server',
    'unknown',
    'The user may not call INFO: engine, version, role and memory are not known, and a restart would not be noticed.',
    `ACL SETUSER ${user} +info`,
  );
  return 'hidden';
}

function tellKind(kind: string, info: ServerInfo | 'hidden', findings: Findings): void {
  if (info === 'hidden') return;
  findings.add('server', 'ok', `${showVersion(info)}.`);
  findings.add('kind', 'ok', `${kind}.`);
  if (info.role === 'master') {
    findings.add('role', 'ok', 'A master, which takes writes.');
    return;
  }
  findings.problem(
    'role',
    'TARGET_REPLICA',
    'This server is a replica: what is written there is lost or refused.',
    `Name its master${info.master === undefined ? '' : `, ${info.master}`}, instead.`,
  );
}

async function reachCluster(
  task: DoctorTask,
  control: Control,
  seed: ServerInfo,
  findings: Findings,
): Promise<Reached> {
  const alone = { endpoint: control.endpoint, control, info: seed };
  const cluster = await findings.attempt('kind', () => Cluster.open({ ...task, seed: task.target }, control));
  if (cluster === undefined) {
    // What the one node says is better than nothing.
    findings.add('server', 'ok', `${showVersion(seed)}.`);
    return { fleet: new Standalone(control, seed.replicas), servers: [alone], told: true, whole: false };
  }
  const { masters } = cluster;
  const count = masters.length === 1 ? 'one master' : `${masters.length} masters`;
  findings.add('kind', 'ok', `A cluster of ${count}; all ${formatCount(SLOTS)} slots are served.`);
  const asked = await Promise.all(masters.map(({ endpoint }) => askMaster(cluster, endpoint)));
  const servers = asked.filter((each): each is ReachedServer => !(each instanceof KeyferryError));
  const failures = asked.flatMap((each, at) =>
    each instanceof KeyferryError ? [{ at: address((masters[at] as Master).endpoint), error: each }] : [],
  );
  if (failures.length > 0) tellUnreached(failures, masters.length, task, findings);
  else findings.add('masters', 'ok', `Each master answers at the address that the cluster announces${mapped(task)}.`);
  const versions = [...new Set(servers.map(({ info }) => showVersion(info)))].sort();
  findings.add('server', 'ok', `${(versions.length === 0 ? [showVersion(seed)] : versions).join(' and ')}.`);
  return {
    fleet: cluster,
    servers: servers.length === 0 ? [alone] : servers,
    told: true,
    whole: failures.length === 0,
  };
}

async function askMaster(cluster: Cluster, endpoint: Endpoint): Promise<ReachedServer | KeyferryError> {
  const control = cluster.control(endpoint);
  try {
    return { endpoint, control, info: parseInfo(String(await control.call(0, 'INFO'))) };
  } catch (error) {
    if (error instanceof KeyferryError) return error;
    throw error;
  }
}

function tellUnreached(
  failures: readonly { at: string; error: KeyferryError }[],
  masters: number,
  { addressMap }: DoctorTask,
  findings: Findings,
): void {
  const list = failures.map(({ at }) => at).join(', ');
  const { error } = failures[0] as { error: KeyferryError };
  const others = failures.map(({ at }) => at).filter((at) => ![...(addressMap?.values() ?? [])].includes(at));
  const map = others.map((at) => `${at}=HOST:PORT`).join(',');
  const given = addressMap === undefined ? '' : ', or --address-map gives';
  findings.problem(
    'masters',
    error.code,
    `${failures.length} of ${masters} masters cannot be used at the addresses that the cluster announces${given}: ${list}: ${error.message}`,
    error.code === 'TARGET_UNREACHABLE' && others.length > 0
      ? `If this machine reaches them elsewhere (NAT, a tunnel), say where: --address-map ${map}`
      : error.remedy,
  );
}

const mapped = ({ addressMap }: DoctorTask): string =>
  addressMap === undefined ? '' : ', or where --address-map leads';

/** An address as people write it, no user in it. */
function address({ host, port, path }: Endpoint): string {
  if (path !== undefined) return path;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
