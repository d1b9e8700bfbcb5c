import type { FeatureFormat } from './featureFormat.js';
import { completeFeatureFile, reservedFor } from './writeFeatureFile.js';

/** The feature file of moco itself. */
export const safetensorsFormat: FeatureFormat = {
  reserved: reservedFor,
  bytesPerNumber: 0,
  companions: () => [],
  async finish(_out, content, rows) {
    await completeFeatureFile(rows.file, content, rows.crc32);
    await rows.become();
  },
};
