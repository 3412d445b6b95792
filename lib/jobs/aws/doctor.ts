// Examines a target from where its functions run: do they reach what they need of AWS, and would a restore go through?
import { KeyferryError } from '../../errors.ts';
import { type DoctorReport, doctor } from '../doctor.ts';
import { type Finding, Findings } from '../doctor-findings.ts';
import { isPassing } from './failure.ts';
import { remedyOnAws } from './remedies.ts';
import type { RestoreContext } from './restore-steps.ts';
import { type Login, targetUrl } from './run-options.ts';
import { openWork } from './work.ts';

/** A service that is in reach answers in far less; ms. */
const BOUND_MS = 5000;

interface Question {
  readonly check: string;
  /** What a job would end with, or meet again and again, without an answer. */
  readonly code: string;
  readonly ok: string;
  /** What to look at where nothing answers. */
  readonly remedy: string;
  readonly ask: () => Promise<unknown>;
}

const OUT = 'and does the security group let HTTPS (443) out?';
const GATEWAY = `Do the functions' subnets have a way there? network.endpoints = "create" makes the gateway endpoints, which cost nothing; the subnets need route-table for that; ${OUT}`;

/** Writes nothing. Each question has a bounded time, so that what has no way out of its network is told, too. */
export async function examineTarget(context: Omit<RestoreContext, 'chunkBytes'>): Promise<DoctorReport> {
  const { cloud, target, deadline } = context;
  let login: Login | undefined;
  const questions: Question[] = [
    {
      ...{ check: 'S3', code: 'INPUT_READ', ok: `The bucket ${cloud.bucket} answers.`, remedy: GATEWAY },
      ask: () => openWork(cloud, `work/restore/${target.name}/doctor`),
    },
    {
      ...{
        check: 'DynamoDB',
        code: 'STORE_UNAVAILABLE',
        ok: `The table ${cloud.table.name} answers.`,
        remedy: GATEWAY,
      },
      ask: () => cloud.table.get({ pk: 'doctor', sk: 'doctor' }),
    },
    {
      ...{ check: 'secrets', code: 'SECRET_UNAVAILABLE', ok: toldSecrets(context) },
      remedy: `Do the functions' subnets have a way to Secrets Manager? network.endpoints = "create" makes an interface endpoint, at its price; a NAT gateway does as well; ${OUT}`,
      ask: async () => {
        login = await context.login();
      },
    },
  ];
  const findings = (await Promise.all(questions.map(answered))).filter(({ what }) => what !== '');
  if (login === undefined) {
    const what = 'It was not asked: how to log in to it is not known.';
    return { target: target.endpoint, findings: [...findings, { check: 'target', verdict: 'unknown', what }] };
  }
  const examined = await doctor({ target: targetUrl(target, login), mode: target.mode, signal: deadline.signal });
  return { target: examined.target, findings: [...findings, ...examined.findings.map(inAwsWords)] };
}

/** Options of the terminal are settings of the same name in keyferry.toml. */
function inAwsWords({ what, remedy, code = '', ...finding }: Finding): Finding {
  const settings = (text: string) => text.replace(/--(?=[a-z])/g, '');
  const done = remedy === undefined ? undefined : settings(remedyOnAws(code, remedy));
  return { ...finding, what: settings(what), remedy: done, code: code || undefined };
}

/** Empty where there is nothing to read. */
function toldSecrets({ target: { secret, tls } }: Omit<RestoreContext, 'chunkBytes'>): string {
  const count = [secret, tls?.ca !== undefined && 'secret' in tls.ca, tls?.clientCertSecret].filter(Boolean).length;
  return count === 0 ? '' : `Secrets Manager answers, and what is needed can be read (${count}).`;
}

async function answered({ check, code, ok, remedy, ask }: Question): Promise<Finding> {
  const findings = new Findings();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer for ${BOUND_MS / 1000} s`)), BOUND_MS);
  });
  try {
    await Promise.race([ask(), late]);
    findings.add(check, 'ok', ok);
  } catch (error) {
    if (error instanceof KeyferryError && !isPassing(error)) findings.error(check, error);
    else findings.problem(check, code, `It is not in reach from here: ${(error as Error).message}.`, remedy);
  } finally {
    clearTimeout(timer);
  }
  return findings.list[0] as Finding;
}
