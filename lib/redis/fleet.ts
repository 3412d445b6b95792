// The servers that are one target: a single one, the masters of a cluster, whatever master Sentinel names, or a proxy.
import type { Control } from './control.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import type { Locator } from './locator.ts';
import { type ServerInfo, showVersion } from './server-info.ts';

export interface Master {
  /** Stays while the server does, also over restarts: a cluster's node id, else the address. */
  readonly id: string;
  readonly endpoint: Endpoint;
  /** Replicas that follow it, as far as is known: they can confirm what was written. */
  readonly replicas: number;
}

export interface Fleet extends Locator {
  readonly kind: 'standalone' | 'cluster' | 'sentinel' | 'proxy';
  /** What people call it: where it was first reached. */
  readonly name: string;
  /** True when it depends on a key's slot which server takes it. */
  readonly bySlot: boolean;
  /** The masters as they are known now; at least one. */
  readonly masters: readonly Master[];
  /** The master of a slot, as an index into {@link masters}; always 0 where nothing depends on slots. */
  masterOf(slot: number): number;
  /** Questions and single commands to one server. */
  control(endpoint: Endpoint): Control;
  end(): void;
}

/** The servers in words: engine, version and, of a cluster, its size. */
export function describeFleet({ kind, masters }: Fleet, server: ServerInfo): string {
  return kind === 'cluster' ? `${showVersion(server)}, cluster of ${masters.length} masters` : showVersion(server);
}

/** Questions that one master answers for all: those of a cluster are configured alike, or should be. */
export function firstControl(fleet: Fleet): Control {
  return fleet.control((fleet.masters[0] as Master).endpoint);
}

/** How long replicas may take to confirm what was written, in ms: WAIT's own limit. */
export const CONFIRM_MS = 1000;

/** True where a replica follows this server, as far as is known. */
export function hasReplicas(fleet: Fleet, endpoint: Endpoint): boolean {
  const name = showEndpoint(endpoint);
  return fleet.masters.some((master) => master.replicas > 0 && showEndpoint(master.endpoint) === name);
}
