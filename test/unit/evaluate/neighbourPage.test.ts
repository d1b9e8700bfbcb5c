import assert from 'node:assert/strict';
import { test } from 'node:test';
import { neighbourPage } from '#moco/evaluate/neighbourPage.js';

const PICTURES = [
  {
    ...{ name: 'a.jpg', label: 'cat' },
    neighbours: [
      { name: 'b.jpg', label: 'cat', similarity: 0.987 },
      { name: 'c.jpg', label: 'dog', similarity: 0.5 },
    ],
  },
  {
    ...{ name: '<script>alert("d")</script>.jpg', label: undefined },
    neighbours: [
      { name: 'e.jpg', label: 'cat', similarity: 0.25 },
      { name: 'f.jpg', label: undefined, similarity: -0.125 },
    ],
  },
];
const IMAGES = {
  queries: ['data:image/png;base64,q0', 'data:image/png;base64,q1'],
  neighbours: [0, 1, 2, 3].map((number) => `data:image/png;base64,n${number}`),
};

const TEXT = { title: 'Nearest pictures', explanation: 'model.pth on pictures' };

/** What the page says of its pictures, in order: image, name, kind and caption. */
function figures(page: string): string[][] {
  const figure =
    /<figure title="([^"]*)"><img src="data:image\/png;base64,(\w+)" alt="[^"]*"><figcaption class="(\w*)">([^<]*)</g;
  return [...page.matchAll(figure)].map(([, name = '', image = '', kind = '', caption = '']) => [
    image,
    name,
    kind,
    caption.trim(),
  ]);
}

test('each row has a picture, and after it its neighbours with their similarity', () => {
  const page = neighbourPage(TEXT, PICTURES, IMAGES);
  assert.equal(page.match(/class="row"/g)?.length, 2);
  assert.deepEqual(figures(page).slice(0, 3), [
    ['q0', 'a.jpg', '', 'cat'],
    ['n0', 'b.jpg', 'same', '0.99 cat'],
    ['n1', 'c.jpg', 'other', '0.50 dog'],
  ]);
});

test('where a label is missing, nothing is said of agreement', () => {
  const [, , , , third, fourth] = figures(neighbourPage(TEXT, PICTURES, IMAGES));
  assert.deepEqual(third, ['n2', 'e.jpg', '', '0.25 cat']);
  assert.deepEqual(fourth, ['n3', 'f.jpg', '', '-0.13']);
});

test('names of files are text, whatever is in them', () => {
  const page = neighbourPage({ title: '<b>', explanation: '<b>' }, PICTURES, IMAGES);
  assert.ok(!page.includes('<script>') && !page.includes('<b>'));
  assert.ok(page.includes('&#60;script&#62;alert(&#34;d&#34;)'));
});

test('a picture that is not there is shown by its name', () => {
  const images = { ...IMAGES, neighbours: [undefined, ...IMAGES.neighbours.slice(1)] };
  const page = neighbourPage(TEXT, PICTURES, images);
  assert.ok(page.includes('<figure title="b.jpg"><p>b.jpg</p>'));
  assert.equal(figures(page).length, 5);
});
