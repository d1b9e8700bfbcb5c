import { csvFormat } from './csvFormat.js';
import type { FeatureFormat } from './featureFormat.js';
import { npyFormat } from './npyFormat.js';
import { parquetFormat } from './parquetFormat.js';
import { safetensorsFormat } from './safetensorsFormat.js';

/** The formats in which features are written, by their names, which are also how their files end. */
export const FEATURE_FORMATS = {
  safetensors: safetensorsFormat,
  npy: npyFormat,
  csv: csvFormat,
  parquet: parquetFormat,
} as const satisfies Readonly<Record<string, FeatureFormat>>;

export type FeatureFormatName = keyof typeof FEATURE_FORMATS;
