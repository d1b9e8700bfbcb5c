import type { Registry } from 'prom-client';
import type { Encoder } from '../embed/encoder.js';
import type { Admission } from './admission.js';
import { loadLibrary } from './libraries.js';

/** What Prometheus reads of a service. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** Counts a request that has ended. */
  count(request: EndedRequest): void;
}

interface EndedRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  /** From its head to the end of its answer. */
  readonly seconds: number;
}

/** From a picture that is alone to a request that waits as long as it may. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Those of the process are one set for all services in it: they watch it all the time. */
let processMetrics: Registry | undefined;

/** Measures a service. */
export async function createMetrics(encoder: Encoder, admission: Admission): Promise<Metrics> {
  const { Registry, Counter, Histogram, collectDefaultMetrics } = await loadLibrary('prom-client');
  if (processMetrics === undefined) {
    processMetrics = new Registry();
    collectDefaultMetrics({ register: processMetrics });
  }
  const own = new Registry();
  const registers = [own];
  const requests = new Counter({
    name: 'moco_requests_total',
    help: 'Requests that have ended; status 499: the client went away',
    labelNames: ['method', 'route', 'status'] as const,
    registers,
  });
  const seconds = new Histogram({
    name: 'moco_request_duration_seconds',
    help: 'Seconds from the head of a request to the end of its answer',
    labelNames: ['route'] as const,
    buckets: SECONDS,
    registers,
  });
  await addGauges(own, encoder, admission);
  await addBatches(own, encoder);
  const all = Registry.merge([own, processMetrics]);
  return {
    contentType: all.contentType,
    text: () => all.metrics(),
    count({ method, route, status, seconds: duration }) {
      requests.inc({ method, route, status });
      seconds.observe({ route }, duration);
    },
  };
}

async function addGauges(registry: Registry, encoder: Encoder, admission: Admission) {
  const { Gauge } = await loadLibrary('prom-client');
  const add = (name: string, help: string, value: () => number) => {
    new Gauge({
      ...{ name, help },
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
  add('moco_requests_in_work', 'Requests that are received or answered', () => admission.count);
  add('moco_pictures_in_work', 'Pictures that are decoded, wait or are computed', () => {
    return encoder.statistics().admitted;
  });
  add('moco_pictures_waiting', 'Decoded pictures that wait to be computed', () => {
    return encoder.statistics().waiting;
  });
  add('moco_pictures_held_back', 'Pictures that wait because too many others are in work', () => {
    return encoder.statistics().heldBack;
  });
}

/** The encoder has counted its batches; what is new since the last time is added. */
async function addBatches(registry: Registry, encoder: Encoder): Promise<void> {
  const { Histogram } = await loadLibrary('prom-client');
  const seen = new Map<number, number>();
  new Histogram({
    name: 'moco_batch_pictures',
    help: 'Pictures that were computed together, by batch',
    buckets: BATCH_SIZES,
    registers: [registry],
    collect() {
      for (const { pictures, batches } of encoder.statistics().batchSizes) {
        for (let count = seen.get(pictures) ?? 0; count < batches; count++) this.observe(pictures);
        seen.set(pictures, batches);
      }
    },
  });
}
