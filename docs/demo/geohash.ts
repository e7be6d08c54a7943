/**
 * Geohashes: a place as a short string, so that places that are close have a beginning in common, and an ordered
 * store can find what is near. The world is halved by longitude, the half by latitude, and so on; each five
 * halvings are one character.
 *
 * @module
 */

/** Base 32 without the letters that are taken for others: a, i, l and o. */
const ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz";

/** A place on earth, in degrees. */
export interface Point {
  /** From -90, the south pole, to 90. */
  readonly latitude: number;
  /** From -180 to 180, which is the same meridian. */
  readonly longitude: number;
}

/** How many halvings of longitude and of latitude a geohash of some characters has. */
function halvings(characters: number): { longitude: number; latitude: number } {
  const bits = 5 * characters;
  return { longitude: Math.ceil(bits / 2), latitude: Math.floor(bits / 2) };
}

/** The cell with a number of columns from the west and rows from the south. */
function cellName(column: number, row: number, characters: number): string {
  const bits = halvings(characters);
  let name = "";
  let digit = 0;
  for (let i = 0; i < 5 * characters; i++) {
    // Longitude comes first.
    const isLongitude = i % 2 === 0;
    const number = isLongitude ? column : row;
    const place = isLongitude ? bits.longitude - 1 - i / 2 : bits.latitude - 1 - (i - 1) / 2;
    digit = 2 * digit + Math.floor(number / 2 ** place) % 2;
    if (i % 5 < 4) continue;
    name += ALPHABET[digit]!;
    digit = 0;
  }
  return name;
}

function cellOf({ latitude, longitude }: Point, characters: number) {
  const bits = halvings(characters);
  const columns = 2 ** bits.longitude;
  const rows = 2 ** bits.latitude;
  return {
    column: Math.min(columns - 1, Math.floor((longitude + 180) / 360 * columns)),
    row: Math.min(rows - 1, Math.floor((latitude + 90) / 180 * rows)),
    columns,
    rows,
  };
}

/**
 * Names the cell that a point is in.
 *
 * @param point The point.
 * @param characters How long the name is. One of 5 is 4.9 km high, one of 9 is 5 m.
 * @returns The geohash.
 */
export function geohash(point: Point, characters: number): string {
  const { column, row } = cellOf(point, characters);
  return cellName(column, row, characters);
}

/**
 * Names the cell that a point is in and the up to eight around it: two points side by side may be in cells whose
 * names have nothing in common, but these cells are neighbours.
 *
 * @param point The point.
 * @param characters How long the names are.
 * @returns The geohashes, each once.
 */
export function geohashesAround(point: Point, characters: number): string[] {
  const { column, row, columns, rows } = cellOf(point, characters);
  const names = new Set<string>();
  for (const y of [row - 1, row, row + 1]) {
    if (y < 0 || y >= rows) continue;
    // East of the last column is the first one.
    for (const x of [column - 1, column, column + 1]) {
      names.add(cellName((x + columns) % columns, y, characters));
    }
  }
  return [...names];
}

const EARTH_RADIUS_KM = 6371;
const RADIANS = Math.PI / 180;

/**
 * The distance of two points along the surface.
 *
 * @param a One point.
 * @param b The other.
 * @returns Kilometres, on a sphere.
 */
export function distanceKm(a: Point, b: Point): number {
  const halfChord = Math.sin((b.latitude - a.latitude) / 2 * RADIANS) ** 2 +
    Math.cos(a.latitude * RADIANS) * Math.cos(b.latitude * RADIANS) *
      Math.sin((b.longitude - a.longitude) / 2 * RADIANS) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(halfChord)));
}

/**
 * How far one can see: nothing nearer than this is outside the cells of {@linkcode geohashesAround}.
 *
 * @param point The point.
 * @param characters How long the names are; 0 for the one cell that is everything.
 * @returns Kilometres.
 */
export function reachKm(point: Point, characters: number): number {
  if (characters === 0) return Infinity;
  const { columns, rows } = cellOf(point, characters);
  // To every side there is at least one whole cell between the point and the outside.
  const height = 180 / rows * RADIANS * EARTH_RADIUS_KM;
  // To the east and west, how far it is to a meridian; the nearest point of it is not on the same latitude. Whoever
  // goes over a pole meets that meridian there at the latest.
  const apart = 360 / columns * RADIANS;
  const width = Math.asin(Math.cos(point.latitude * RADIANS) * Math.sin(apart)) * EARTH_RADIUS_KM;
  return Math.min(height, width);
}
