import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexNotices } from '#moco/serve/indexFit.js';
import { COLOUR_INDEX, ServiceEncoderDouble } from '../../support/serviceDouble.js';
import { type StartedService, startedService } from '../../support/startedService.js';

/** Searches for pictures of one pixel. */
const search = ({ url }: StartedService, pixels: number[], query = '') =>
  fetch(`${url}/search?width=1&height=1${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from(pixels),
  });

test('each picture gets its neighbours, the most similar first, with their classes', async (context) => {
  const service = await startedService(context, { searched: COLOUR_INDEX });
  const answer = await search(service, [255, 0, 0, 0, 0, 255], '&k=2');
  const far = -Math.fround(Math.SQRT2);
  assert.deepEqual(await answer.json(), {
    results: [
      {
        neighbours: [
          { id: 'red', row: 0, similarity: 0, label: 'warm' },
          { id: 'green', row: 1, similarity: far, label: 'cold' },
        ],
      },
      {
        neighbours: [
          { id: 'blue', row: 2, similarity: 0 },
          { id: 'red', row: 0, similarity: far, label: 'warm' },
        ],
      },
    ],
  });
});

test('there are no more neighbours than the index has', async (context) => {
  const service = await startedService(context, { searched: COLOUR_INDEX });
  const answer = (await (await search(service, [0, 0, 0])).json()) as {
    results: { neighbours: object[] }[];
  };
  assert.deepEqual(
    answer.results.map(({ neighbours }) => neighbours.length),
    [3],
  );
});

for (const query of ['&k=0', '&k=1001', '&k=1.5', '&k=many', '&normalize=true']) {
  test(`${query} is refused`, async (context) => {
    const answer = await search(
      await startedService(context, { searched: COLOUR_INDEX }),
      [0, 0, 0],
      query,
    );
    assert.equal(answer.status, 400);
    const { error } = (await answer.json()) as { error: { code: string } };
    assert.equal(error.code, 'invalid_request');
  });
}

test('queries are embedded as the features of the index were', async (context) => {
  const meta = { ...COLOUR_INDEX.meta, normalized: true };
  const service = await startedService(context, { searched: { ...COLOUR_INDEX, meta } });
  await search(service, [0, 0, 0]);
  const [{ normalize, output }] = service.encoder.calls as [{ normalize: boolean; output: string }];
  assert.deepEqual({ normalize, output }, { normalize: true, output: 'features' });
});

test('an index of other features than the encoder’s is refused', async (context) => {
  const wide = { ...COLOUR_INDEX, dims: 512 };
  await assert.rejects(startedService(context, { searched: wide }), {
    code: 'ERR_MOCO_CONFIG',
    message: 'the index has features of 512 numbers, and small_model.pth gives features of 3',
  });
  const projected = {
    ...COLOUR_INDEX,
    meta: { ...COLOUR_INDEX.meta, output: 'projection' as const },
  };
  await assert.rejects(startedService(context, { searched: projected }), {
    code: 'ERR_MOCO_CONFIG',
    message: 'the index has projection of 3 numbers, and small_model.pth has no projection',
  });
});

test('an index that nobody’s model has made comes without a notice', async () => {
  const { description } = new ServiceEncoderDouble();
  assert.deepEqual(await indexNotices(COLOUR_INDEX, description, undefined), []);
});
