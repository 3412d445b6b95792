// Examines the function's target from where it runs: invoked by `keyferry aws doctor`, or by hand, with {}.
import * as z from 'zod';
import { examineTarget } from '../lib/jobs/aws/doctor.ts';
import { config, openCloud, type TargetConfig } from './environment.ts';
import { failedStep, observed } from './runtime.ts';
import { loginOf } from './secrets.ts';

export const handler = observed(
  'doctor',
  z.looseObject({}),
  async (_, deadline) => {
    const { target } = config<TargetConfig>();
    return {
      ok: true,
      ...(await examineTarget({ cloud: openCloud(), target, login: () => loginOf(target), deadline })),
    };
  },
  failedStep,
);
