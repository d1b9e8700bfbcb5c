/**
 * The ten textures of the generated pictures. Each takes a point in periods of its pattern and one
 * pixel's size in periods, and returns how much of that pixel shows the second of the texture's two
 * colours (0…1). Edges are one pixel soft. Only +, −, ×, ÷ and square roots are used: they are
 * exact in every JavaScript engine, so the same seed gives the same bytes everywhere.
 */
export type Texture = (u: number, v: number, pixel: number) => number;

/** Spokes around the centre of a spoked shape. */
const SPOKES = 6;

/** Share of a pixel that lies inside an edge at the given distance (positive: inside). */
export function coverage(distance: number, pixel: number): number {
  const share = distance / pixel + 0.5;
  return share < 0 ? 0 : share > 1 ? 1 : share;
}

/** Distance to the nearest edge of bands that are half a period wide: positive inside a band. */
function bands(u: number): number {
  return 0.25 - centred(u);
}

/** Distance from the middle of the period that holds `u`, 0…0.5. */
function centred(u: number): number {
  return Math.abs(u - Math.floor(u) - 0.5);
}

export const striped: Texture = (u, _v, pixel) => coverage(bands(u), pixel);

export const checkered: Texture = (u, v, pixel) => {
  const across = coverage(bands(u), pixel);
  const down = coverage(bands(v), pixel);
  return across + down - 2 * across * down;
};

export const dotted: Texture = (u, v, pixel) => {
  const x = centred(u);
  const y = centred(v);
  return coverage(0.34 - Math.sqrt(x * x + y * y), pixel);
};

export const ringed: Texture = (u, v, pixel) => coverage(bands(Math.sqrt(u * u + v * v)), pixel);

export const zigzag: Texture = (u, v, pixel) =>
  coverage(bands(u + 2 * centred(v / 2)) * Math.SQRT1_2, pixel);

export const barred: Texture = (_u, v, pixel) => coverage(bands(v), pixel);

export const spoked: Texture = (u, v, pixel) => {
  const width = (2 * Math.PI * Math.sqrt(u * u + v * v)) / SPOKES;
  return coverage(bands(turns(u, v) * SPOKES) * width, pixel);
};

/**
 * Direction of a point in turns, 0…1, measured around a diamond instead of a circle. It grows with
 * the angle all the same, and needs no arctangent.
 */
function turns(u: number, v: number): number {
  const reach = Math.abs(u) + Math.abs(v);
  if (reach === 0) return 0;
  const quarter = v / reach / 4;
  if (u < 0) return 0.5 - quarter;
  return v >= 0 ? quarter : 1 + quarter;
}

export const bricked: Texture = (u, v, pixel) => {
  const row = Math.floor(2 * v);
  const acrossJoint = 0.5 - centred(u + (row % 2 === 0 ? 0 : 0.5));
  const downJoint = (0.5 - centred(2 * v)) / 2;
  return coverage(Math.min(acrossJoint, downJoint) - 0.09, pixel);
};

export const barbed: Texture = (u, v, pixel) => {
  const wire = coverage(0.15 - (0.5 - centred(u)), pixel);
  const barb = coverage(0.2 - (0.5 - centred(v)), pixel);
  return Math.max(wire, Math.floor(u) % 2 === 0 ? barb : 0);
};

export const slanted: Texture = (u, v, pixel) => coverage(bands((u + v) * Math.SQRT1_2), pixel);
