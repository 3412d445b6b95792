#!/usr/bin/env node
// The terminal tool's entry: makes sure that this Node can run the rest before any of the rest is loaded.
import { nodeProblem } from './node-version.ts';

const problem = nodeProblem(process.versions.node);
if (problem === undefined) {
  const { runAsProcess } = await import('./main.ts');
  await runAsProcess();
} else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
