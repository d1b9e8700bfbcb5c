import type { NamedPicture, PictureNeighbours } from './pictureNeighbours.js';

/**
 * Pictures as data URLs, in the order in which they are shown; undefined where there is only a name.
 */
export interface PageImages {
  readonly queries: readonly (string | undefined)[];
  readonly neighbours: readonly (string | undefined)[];
}

/** What is said above the pictures. */
export interface PageText {
  readonly title: string;
  readonly explanation: string;
}

const STYLE = `
  :root { color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif; }
  body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
  .row { display: flex; gap: .75rem; overflow-x: auto; padding: .75rem 0; border-bottom: 1px solid #8884; }
  figure { margin: 0; flex: 0 0 6rem; }
  figure:first-child { padding-right: .75rem; border-right: 3px solid #8888; }
  img { width: 6rem; height: 6rem; image-rendering: pixelated; display: block; border-radius: 4px; }
  figure p { width: 6rem; height: 6rem; margin: 0; overflow-wrap: anywhere; overflow: hidden; font-size: 11px; }
  figcaption { font-size: 11px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .same { color: #2a8; } .other { color: #c53; }
`;

/**
 * A page that stands alone: in each row a picture, and after it those next to it. Where both have
 * labels, their colour tells whether these are the same.
 */
export function neighbourPage(
  { title, explanation }: PageText,
  pictures: readonly PictureNeighbours[],
  images: PageImages,
): string {
  let next = 0;
  const rows = pictures.map((picture, row) => {
    const near = picture.neighbours.map((neighbour) => {
      const caption = `${neighbour.similarity.toFixed(2)} ${neighbour.label ?? ''}`;
      const image = images.neighbours[next++];
      return figure(neighbour, image, caption, agreement(picture, neighbour));
    });
    const query = figure(picture, images.queries[row], picture.label ?? '');
    return `<div class="row">${query}${near.join('')}</div>`;
  });
  const heading = escaped(title);
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${heading}</title><style>${STYLE}</style></head>`,
    `<body><h1>${heading}</h1><p>${escaped(explanation)}</p>`,
    ...rows,
    '</body></html>',
    '',
  ].join('\n');
}

function figure(
  { name }: NamedPicture,
  image: string | undefined,
  caption: string,
  kind = '',
): string {
  const text = escaped(caption);
  const title = escaped(name);
  const shown = image === undefined ? `<p>${title}</p>` : `<img src="${image}" alt="${title}">`;
  return `<figure title="${title}">${shown}<figcaption class="${kind}">${text}</figcaption></figure>`;
}

function agreement(one: NamedPicture, other: NamedPicture): string {
  if (one.label === undefined || other.label === undefined) return '';
  return one.label === other.label ? 'same' : 'other';
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
