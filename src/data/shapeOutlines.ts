/**
 * The ten outlines of the generated pictures. Each takes a point relative to the shape's centre,
 * in radii (the shape fits the unit circle), and returns the signed distance to the outline in
 * radii: positive inside. Square roots aside it is plain arithmetic, see `Texture`.
 */
export type Outline = (x: number, y: number) => number;

/** A corner of a polygon: x, y in radii. */
type Corner = readonly [number, number];

export const disc: Outline = (x, y) => 0.95 - Math.sqrt(x * x + y * y);

export const ring: Outline = (x, y) => 0.31 - Math.abs(Math.sqrt(x * x + y * y) - 0.69);

export const halfDisc: Outline = (x, y) =>
  Math.min(1 - Math.sqrt(x * x + (y + 0.45) * (y + 0.45)), y + 0.45);

export const crescent: Outline = (x, y) =>
  Math.min(1 - Math.sqrt(x * x + y * y), Math.sqrt((x - 0.62) * (x - 0.62) + y * y) - 0.72);

export const triangle = polygon([
  [0, 1.15],
  [-1, -0.6],
  [1, -0.6],
]);

export const square = polygon([
  [0.8, 0.8],
  [-0.8, 0.8],
  [-0.8, -0.8],
  [0.8, -0.8],
]);

export const hexagon = polygon([
  [1, 0],
  [0.5, 0.866],
  [-0.5, 0.866],
  [-1, 0],
  [-0.5, -0.866],
  [0.5, -0.866],
]);

export const star = polygon([
  [0, 1],
  [-0.353, 0.485],
  [-0.951, 0.309],
  [-0.57, -0.185],
  [-0.588, -0.809],
  [0, -0.6],
  [0.588, -0.809],
  [0.57, -0.185],
  [0.951, 0.309],
  [0.353, 0.485],
]);

export const cross = polygon([
  [0.36, 0.93],
  [-0.36, 0.93],
  [-0.36, 0.36],
  [-0.93, 0.36],
  [-0.93, -0.36],
  [-0.36, -0.36],
  [-0.36, -0.93],
  [0.36, -0.93],
  [0.36, -0.36],
  [0.93, -0.36],
  [0.93, 0.36],
  [0.36, 0.36],
]);

export const arrow = polygon([
  [0, 1],
  [-0.85, 0.05],
  [-0.42, 0.05],
  [-0.42, -0.9],
  [0.42, -0.9],
  [0.42, 0.05],
  [0.85, 0.05],
]);

/** Signed distance to a closed polygon: nearest edge, and the even-odd rule for the sign. */
function polygon(corners: readonly Corner[]): Outline {
  const edges = corners.map((from, i) => ({
    from,
    to: corners[(i + 1) % corners.length] as Corner,
  }));
  return (x, y) => {
    let nearest = Number.POSITIVE_INFINITY;
    let inside = false;
    for (const { from, to } of edges) {
      const alongX = to[0] - from[0];
      const alongY = to[1] - from[1];
      const dx = x - from[0];
      const dy = y - from[1];
      const share = (dx * alongX + dy * alongY) / (alongX * alongX + alongY * alongY);
      const foot = share < 0 ? 0 : share > 1 ? 1 : share;
      const offX = dx - foot * alongX;
      const offY = dy - foot * alongY;
      nearest = Math.min(nearest, offX * offX + offY * offY);
      const straddles = from[1] > y !== to[1] > y;
      if (straddles && dx < (dy * alongX) / alongY) inside = !inside;
    }
    return inside ? Math.sqrt(nearest) : -Math.sqrt(nearest);
  };
}
