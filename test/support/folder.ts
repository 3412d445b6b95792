// Folders for a test: an empty one, and one on a disk that is nearly full.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** An empty folder that goes with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A note to append to the title of a test that is skipped, empty where this user may mount file systems. */
export const cannotMount = canMount() ? '' : ' [skipped: only root can mount a small disk here]';

/** A folder on a disk of its own of that size, in KiB, which goes with the test. */
export function smallDisk(kibibytes: number): string {
  const folder = join(temporaryFolder(), 'disk');
  mkdirSync(folder);
  if (!mount(folder, kibibytes)) throw new Error('no disk could be mounted');
  // Runs before the folder around it is removed.
  onTestFinished(() => unmount(folder));
  return folder;
}

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-test-'));
  const mounted = mount(folder, 16);
  if (mounted) unmount(folder);
  rmSync(folder, { recursive: true, force: true });
  return mounted;
}

function mount(folder: string, kibibytes: number): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'tmpfs', folder]).status === 0;
}

function unmount(folder: string): void {
  spawnSync('umount', ['-l', folder]);
}
