/** Where the processes of a run meet, and which of them this one is. */
export interface NativeRendezvous {
  /** From 0. */
  readonly rank: number;
  /** How many there are. */
  readonly processes: number;
  readonly host: string;
  readonly port: number;
  /** Whether this process opens the store where they meet, and does not look for another's. */
  readonly hostsStore: boolean;
  /** What the names of the run's keys in the store begin with. */
  readonly run: string;
  /** Within which all must be there. */
  readonly joinSeconds: number;
  /** Without a sign of life, after which a process counts as lost. */
  readonly silenceSeconds: number;
  /** For which a living process may keep the others waiting. */
  readonly stuckSeconds: number;
}

export interface NativeGroupDescription {
  readonly rank: number;
  readonly processes: number;
}

/**
 * The processes of a run, on a thread of its own; runs one job at a time. What waits for other processes
 * rejects with `ERR_MOCO_PEER` where one of them is missing, and with `ERR_MOCO_ABORTED` after `stop`.
 */
export interface NativeGroup {
  readonly description: NativeGroupDescription;
  /** Waits for all processes, and connects them. */
  join(): Promise<void>;
  /** Tells all others something, and waits for what they say: in order of rank. */
  exchange(own: string): Promise<string[]>;
  /** Tells the others that this process ends, and why; they end, too. */
  leave(reason: string): Promise<void>;
  stop(): void;
  /** Joins the thread. Trainers of the group keep it. Can be called more than once. */
  dispose(): Promise<void>;
}
