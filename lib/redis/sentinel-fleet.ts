// The master that sentinels watch, as a fleet of one that can be another server after a fail-over.
import { KeyferryError } from '../errors.ts';
import type { Control } from './control.ts';
import { Controls } from './controls.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import type { Fleet, Master } from './fleet.ts';
import { Refresher } from './refresher.ts';
import { askAll, type FoundMaster, resolveMaster, type SentinelOptions } from './sentinel.ts';

export interface SentinelFleetOptions extends SentinelOptions {
  /** How long an answer of the master may take, in ms. */
  readonly replyTimeoutMs: number;
}

/** Sentinels are not asked more often than this; ms. */
const REFRESH_MS = 200;

export class SentinelFleet implements Fleet {
  readonly kind = 'sentinel';
  readonly bySlot = false;
  /** The sentinels and the master's name. */
  readonly name: string;
  readonly #options: SentinelFleetOptions;
  readonly #controls: Controls;
  readonly #refresher: Refresher;
  #master: Master;

  private constructor(options: SentinelFleetOptions, found: FoundMaster) {
    this.#options = options;
    this.name = showEndpoint(options.target);
    this.#master = masterOf(found);
    this.#controls = new Controls(options);
    this.#refresher = new Refresher(() => this.#refresh(), REFRESH_MS, options.clock, options.signal);
  }

  /** Finds the master first; throws what {@link resolveMaster} throws. */
  static async open(options: SentinelFleetOptions): Promise<SentinelFleet> {
    return new SentinelFleet(options, await resolveMaster(options));
  }

  get masters(): readonly [Master] {
    return [this.#master];
  }

  masterOf(): number {
    return 0;
  }

  locate(): Endpoint {
    return this.#master.endpoint;
  }

  redirect(): undefined {
    return undefined;
  }

  /** Asks each sentinel once. Where none names a master that is one, what was known before stays. */
  refresh(): Promise<void> {
    return this.#refresher.refresh();
  }

  control(endpoint: Endpoint): Control {
    return this.#controls.of(endpoint);
  }

  end(): void {
    this.#controls.end();
  }

  async #refresh(): Promise<void> {
    try {
      const found = await askAll(this.#options);
      if (!Array.isArray(found)) this.#master = masterOf(found);
    } catch (error) {
      // Whoever writes meets a refused login, or broken TLS, too, and tells it.
      if (!(error instanceof KeyferryError) && !this.#options.signal?.aborted) throw error;
    }
  }
}

const masterOf = ({ endpoint, replicas }: FoundMaster): Master => ({ id: showEndpoint(endpoint), endpoint, replicas });
