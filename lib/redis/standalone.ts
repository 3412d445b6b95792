// A single server, or a proxy that looks like one, as a fleet of one.
import type { Control } from './control.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import type { Fleet, Master } from './fleet.ts';

export class Standalone implements Fleet {
  readonly kind: 'standalone' | 'proxy';
  readonly bySlot = false;
  readonly name: string;
  readonly masters: readonly [Master];
  readonly #control: Control;

  /** @param replicas how many follow it */
  constructor(control: Control, replicas: number) {
    const { endpoint } = control;
    this.kind = endpoint.proxy ? 'proxy' : 'standalone';
    this.name = showEndpoint(endpoint);
    this.masters = [{ id: this.name, endpoint, replicas }];
    this.#control = control;
  }

  masterOf(): number {
    return 0;
  }

  control(): Control {
    return this.#control;
  }

  locate(): Endpoint {
    return this.#control.endpoint;
  }

  redirect(): undefined {
    return undefined;
  }

  async refresh(): Promise<void> {}

  end(): void {
    this.#control.end();
  }
}
