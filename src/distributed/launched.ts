import { MocoError } from '../error.js';

/** How a launcher has started this process, among others. */
export interface Launched {
  /** From 0. */
  readonly rank: number;
  readonly processes: number;
  /** Where the processes meet. */
  readonly host: string;
  readonly port: number;
  /** Whether the launcher keeps the store where they meet; else rank 0 does. */
  readonly launcherHostsStore: boolean;
  /** How often the launcher has started the processes again. */
  readonly attempt: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What torchrun's own names of the variables are; Kubeflow's trainer and `--processes` use them, too. */
const TORCHRUN = ['RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'] as const;

/** Ports from which a Slurm job takes one by its number, where none is given. */
const SLURM_PORTS = { first: 15_000, count: 20_000 };

/**
 * What launchers say in the environment: torchrun (also in Kubeflow's trainer), or Slurm's srun.
 * @returns nothing where the process was started alone
 * @throws MocoError `ERR_MOCO_CONFIG` where they say a part of it, or no numbers
 */
export function launched(environment: Environment): Launched | undefined {
  const found = ofTorchrun(environment) ?? ofSlurm(environment);
  return found && found.processes > 1 ? found : undefined;
}

function ofTorchrun(environment: Environment): Launched | undefined {
  const { RANK, WORLD_SIZE, MASTER_ADDR } = environment;
  if (RANK === undefined || WORLD_SIZE === undefined) return undefined;
  const missing = TORCHRUN.filter((name) => !environment[name]);
  if (missing.length > 0 || MASTER_ADDR === undefined) {
    const message = `RANK and WORLD_SIZE are set, and ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not`;
    throw new MocoError('ERR_MOCO_CONFIG', message, {
      hint: 'Start the processes with torchrun, or set all that it sets; to train in one process, set none.',
    });
  }
  return checked({
    rank: numberOf(environment, 'RANK'),
    processes: numberOf(environment, 'WORLD_SIZE'),
    host: MASTER_ADDR,
    port: numberOf(environment, 'MASTER_PORT'),
    launcherHostsStore: environment.TORCHELASTIC_USE_AGENT_STORE === 'True',
    attempt: environment.TORCHELASTIC_RESTART_COUNT
      ? numberOf(environment, 'TORCHELASTIC_RESTART_COUNT')
      : 0,
  });
}

/** A step of srun; the script of a batch job, which is no step of several tasks, trains alone. */
function ofSlurm(environment: Environment): Launched | undefined {
  const { SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_STEP_NODELIST } = environment;
  if (!SLURM_PROCID || !SLURM_STEP_NUM_TASKS || !SLURM_STEP_NODELIST) return undefined;
  const { MASTER_ADDR, MASTER_PORT, SLURM_RESTART_COUNT } = environment;
  const job = numberOf(environment, 'SLURM_JOB_ID');
  return checked({
    rank: numberOf(environment, 'SLURM_PROCID'),
    processes: numberOf(environment, 'SLURM_STEP_NUM_TASKS'),
    host: MASTER_ADDR || firstHost(SLURM_STEP_NODELIST),
    port: MASTER_PORT
      ? numberOf(environment, 'MASTER_PORT')
      : SLURM_PORTS.first + (job % SLURM_PORTS.count),
    launcherHostsStore: false,
    attempt: SLURM_RESTART_COUNT ? numberOf(environment, 'SLURM_RESTART_COUNT') : 0,
  });
}

/** The first of Slurm's list of hosts, such as `node[003-006,9],login1`: `node003`. */
export function firstHost(list: string): string {
  const [, prefix = list, first = '', suffix = ''] =
    /^([^,[]*)(?:\[(\w+)[^\]]*\])?([^,[]*)/.exec(list) ?? [];
  return prefix + first + suffix;
}

function numberOf(environment: Environment, name: string): number {
  const text = environment[name] ?? '';
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new MocoError(
    'ERR_MOCO_CONFIG',
    `${name}: expected a number, given ${JSON.stringify(text)}`,
    {
      hint: 'Launchers set it: torchrun, srun, or moco train --processes.',
    },
  );
}

function checked(found: Launched): Launched {
  if (found.rank < found.processes) return found;
  const message = `this process is rank ${found.rank} of ${found.processes}, which are numbered from 0`;
  throw new MocoError('ERR_MOCO_CONFIG', message, { hint: 'Correct RANK or WORLD_SIZE.' });
}
