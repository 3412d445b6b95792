// Sees to it that a redis-server is there for the demo and the tests: installed by apt where that can be done, asked for
// where it cannot.
import { spawnSync } from 'node:child_process';

const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** @returns false when there is none and it could not be installed; what to do has been said then */
export function ensureRedis(): boolean {
  if (works('redis-server', '--version')) return true;
  if (process.getuid?.() !== 0 || !works('apt-get', '--version')) {
    console.error('redis-server is not installed. Install it, then run this again:');
    console.error(process.platform === 'darwin' ? '  brew install redis' : '  sudo apt-get install --yes redis-server');
    return false;
  }
  console.log('redis-server is not installed: installing it with apt-get …');
  // Without a policy the package would start a server of its own on the default port.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const apt = (...args: string[]) =>
    spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0;
  if (!apt('update', '-qq') || !apt('install', '--yes', '-qq', '--no-install-recommends', 'redis-server')) {
    console.error('apt-get could not install redis-server. Install it by hand, then run this again.');
    return false;
  }
  return works('redis-server', '--version');
}
