// The control connections to the servers of a fleet, each made when it is first asked for.
import { Control, type ControlOptions } from './control.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';

export class Controls {
  readonly #options: Omit<ControlOptions, 'endpoint'>;
  readonly #controls = new Map<string, Control>();

  constructor(options: Omit<ControlOptions, 'endpoint'>) {
    this.#options = options;
  }

  /** Takes one that is there already. */
  add(control: Control): void {
    this.#controls.set(control.name, control);
  }

  of(endpoint: Endpoint): Control {
    const name = showEndpoint(endpoint);
    let control = this.#controls.get(name);
    if (control === undefined) {
      control = new Control({ ...this.#options, endpoint });
      this.#controls.set(name, control);
    }
    return control;
  }

  end(): void {
    for (const control of this.#controls.values()) control.end();
  }
}
