// The package as a user has it: packed from the checkout, and installed into an empty folder.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export class InstalledPackage {
  readonly folder = mkdtempSync(join(tmpdir(), 'keyferry-pack-'));
  readonly tarball: string;

  constructor() {
    // The checkout is built by `prepare`; building it again here would pull dist away from under other tests.
    const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', this.folder], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const parsed = JSON.parse(packed) as { filename: string }[] | Record<string, { filename: string }>;
    const [made] = Object.values(parsed);
    this.tarball = join(this.folder, made?.filename ?? '');
    writeFileSync(this.path('package.json'), JSON.stringify({ name: 'user', type: 'module', private: true }));
    this.run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--silent', this.tarball);
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Runs a program in the folder; gives what it wrote. @throws when it fails */
  run(command: string, ...args: string[]): string {
    return execFileSync(command, args, { cwd: this.folder, encoding: 'utf8' });
  }

  /** Type-checks a file of the folder as a strict user does. @throws with the compiler's words */
  checkTypes(file: string): void {
    const compilerOptions = {
      module: 'nodenext',
      strict: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules', '@types')],
    };
    writeFileSync(this.path('tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
    this.run(join(ROOT, 'node_modules', '.bin', 'tsc'), '-p', 'tsconfig.json');
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
