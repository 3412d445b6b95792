// The servers that are one target: a single one, the masters of a cluster, whatever master Sentinel names, or a proxy.
import type { Control } from './control.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import type { Locator } from './locator.ts';

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

/** True where a replica follows this server, as far as is known. */
export function hasReplicas(fleet: Fleet, endpoint: Endpoint): boolean {
  const name = showEndpoint(endpoint);
  return fleet.masters.some((master) => master.replicas > 0 && showEndpoint(master.endpoint) === name);
}
