// Keeps values of modules from a target that would end its process over them: what a scan holds shows only as it comes.
import { TargetError } from '../errors.ts';
import { parseModuleId } from '../rdb/module-id.ts';
import { WideLength } from '../rdb/strings.ts';
import type { ServerInfo } from '../redis/server-info.ts';
import type { ScanPage } from '../sources/scan/scan-entry.ts';
import { checkModules } from '../targets/redis/check-demands.ts';
import type { Demands, PreflightOptions } from '../targets/redis/preflight.ts';

export class ModuleGuard {
  readonly #options: PreflightOptions;
  readonly #server: ServerInfo;
  readonly #warnings: string[];
  /** By the module type's name: why the target can't take it, or nothing. */
  readonly #verdicts = new Map<string, string | undefined>();

  /** @param warnings gets what a person should know */
  constructor(options: PreflightOptions, server: ServerInfo, warnings: string[]) {
    this.#options = options;
    this.#server = server;
    this.#warnings = warnings;
  }

  /** The page without values that would be the target's end: they are told as keys that were not copied. */
  async guard(page: ScanPage): Promise<ScanPage> {
    if (!page.entries.some(({ type }) => type.kind === 'module')) return page;
    const entries = [];
    const unread = [...page.unread];
    for (const entry of page.entries) {
      const reason = entry.type.kind === 'module' ? await this.#refuses(nameOf(entry.value)) : undefined;
      if (reason === undefined) entries.push(entry);
      else unread.push({ db: entry.db, key: entry.key, reason });
    }
    return { ...page, entries, unread };
  }

  async #refuses(name: string): Promise<string | undefined> {
    if (!this.#verdicts.has(name)) this.#verdicts.set(name, await this.#ask(name));
    return this.#verdicts.get(name);
  }

  async #ask(name: string): Promise<string | undefined> {
    const [demand] = this.#options.demands as [Demands];
    try {
      const options = { ...this.#options, demands: [{ ...demand, modules: [{ name }] }] };
      await checkModules(options, this.#server, this.#warnings);
      return undefined;
    } catch (error) {
      if (error instanceof TargetError && error.code === 'TARGET_MODULES') return error.message;
      throw error;
    }
  }
}

/** A module's value begins with the id of its type, a length of 64 bits (rdb-format.md 1.5). */
function nameOf(value: Buffer): string {
  if (value[0] !== WideLength.U64 || value.length < 9) return '?';
  return parseModuleId(value.readBigUInt64BE(1)).name;
}
