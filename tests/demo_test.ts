/**
 * The demo: that its geohashes find what is near, everywhere on earth, and that it runs to its end with a small part
 * of its data.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import {
  load,
  nearest,
  type Place,
  placesIn,
  placesNamed,
  storesOf,
  survey,
} from "../docs/demo/places.ts";
import { distanceKm, geohash, geohashesAround, type Point, reachKm } from "../docs/demo/geohash.ts";
import { MemoryFileSystem, open } from "../mod.ts";
import { inProcesses } from "./permissions.ts";
import { generator } from "../lib/random.ts";

/** Points all over, many of them near the poles, the equator and where east meets west. */
function randomPoint(random: (below: number) => number): Point {
  const near = (degrees: number) => degrees + (random(2001) - 1000) / 1000;
  const clamp = (degrees: number, most: number) => Math.max(-most, Math.min(most, degrees));
  const any = (most: number) => random(2 * most * 1000) / 1000 - most;
  return {
    latitude: random(2) === 0 ? any(90) : clamp(near([-90, 0, 90][random(3)]!), 90),
    longitude: random(2) === 0 ? any(180) : clamp(near([-180, 0, 180][random(3)]!), 180),
  };
}

Deno.test("geohashes are those of others", () => {
  const known = [
    [{ latitude: 57.64911, longitude: 10.40744 }, "u4pruydqqvj"],
    [{ latitude: 42.605, longitude: -5.603 }, "ezs42"],
    [{ latitude: -25.382708, longitude: -49.265506 }, "6gkzwgjzn820"],
    [{ latitude: 0, longitude: 0 }, "s0000"],
    [{ latitude: -90, longitude: -180 }, "00000"],
    [{ latitude: 90, longitude: 180 }, "zzzzz"],
  ] as const;
  for (const [point, name] of known) assertEquals(geohash(point, name.length), name);
});

Deno.test("distances are those along the surface", () => {
  const quarter = Math.PI / 2 * 6371;
  assertAlmostEquals(
    distanceKm({ latitude: 0, longitude: 0 }, { latitude: 90, longitude: 7 }),
    quarter,
    1e-6,
  );
  assertAlmostEquals(
    distanceKm({ latitude: 0, longitude: -179.5 }, { latitude: 0, longitude: 179.5 }),
    quarter / 90,
    1e-6,
  );
});

Deno.test("nothing within reach is outside the cells around a point", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const random = generator(seed);
    const point = randomPoint(random);
    const characters = random(6);
    const cells = geohashesAround(point, characters);
    assert(cells.includes(geohash(point, characters)), `seed ${seed}`);
    const reach = reachKm(point, characters);
    for (let i = 0; i < 10; i++) {
      // Half of them near enough to be of interest.
      const degrees = i % 2 === 0 ? 180 : Math.min(180, 2 * reach / 111);
      const other = {
        latitude: Math.max(
          -90,
          Math.min(90, point.latitude + (random(2001) - 1000) / 1000 * degrees),
        ),
        longitude: (point.longitude + (random(2001) - 1000) / 1000 * degrees + 540) % 360 - 180,
      };
      if (distanceKm(point, other) >= reach) continue;
      const cell = geohash(other, characters);
      assert(
        cells.includes(cell),
        `seed ${seed}: ${JSON.stringify({ point, other, cell, cells })}`,
      );
    }
  }
});

/** Places with few names and countries, so that there are several of each. */
function somePlaces(seed: number, count: number): Place[] {
  const random = generator(seed);
  return Array.from({ length: count }, () => ({
    ...randomPoint(random),
    name: ["Aa", "Bö", "aa", "Aab", "Þa"][random(5)]!,
    country: ["AA", "AB", "B"][random(3)]!,
  }));
}

Deno.test("the demo's answers are those of a search through everything", async () => {
  const places = somePlaces(1, 1200);
  await using database = await open("data", { fileSystem: new MemoryFileSystem(), sync: false });
  const acknowledged: number[] = [];
  await load(database, places.slice(0, 700), (loaded) => acknowledged.push(loaded));
  // Going on begins where the last batch ended.
  await load(database, places, (loaded) => acknowledged.push(loaded));
  assertEquals(acknowledged, [500, 700, 1200]);
  const stores = storesOf(database);
  assertEquals(await survey(stores), { places: 1200, isWhole: true });

  const byName = await placesNamed(stores, "AA");
  assertEquals(byName, places.filter(({ name }) => name.toLowerCase() === "aa"));
  assertEquals((await placesIn(stores, "A")).length, 0);
  const inCountry = await placesIn(stores, "AB");
  assertEquals(inCountry.length, places.filter(({ country }) => country === "AB").length);
  const names = inCountry.map(({ name }) => name);
  assertEquals(names, names.toSorted());

  const random = generator(2);
  for (let i = 0; i < 30; i++) {
    const point = randomPoint(random);
    const { found } = await nearest(stores, point, 5);
    const all = places.map((place) => distanceKm(point, place)).sort((a, b) => a - b);
    assertEquals(found.map(({ km }) => km), all.slice(0, 5), JSON.stringify(point));
  }
  assertEquals((await nearest(stores, { latitude: 0, longitude: 0 }, 2000)).found.length, 1200);

  // One index entry too few is what a torn batch would look like.
  await stores.byGeohash.delete((await Array.fromAsync(stores.byGeohash.keys({ limit: 1 })))[0]!);
  assertEquals((await survey(stores)).isWhole, false);
});

Deno.test(
  "the demo runs to its end in a pipe, and recovers what was acknowledged",
  inProcesses,
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-prompt",
          "--allow-read",
          "--allow-write=data",
          "--allow-run",
          fromFileUrl(import.meta.resolve("../docs/demo/demo.ts")),
          "--places=12000",
        ],
        cwd: directory,
        env: { NO_COLOR: "1" },
      }).output();
      const output = new TextDecoder().decode(stdout);
      const errors = new TextDecoder().decode(stderr);
      assertEquals(code, 0, output + errors);
      assert(!output.includes("\r"), output);
      const told = /told that ([\d,]+) places were safe/.exec(output)![1]!.replace(",", "");
      assert(Number(told) >= 6000, output);
      const survived = /✓ ([\d,]+) places: nothing acknowledged is lost/.exec(output)![1]!.replace(
        ",",
        "",
      );
      assert(Number(survived) >= Number(told), output);
      assertMatch(output, /✗ killed|done before it could be killed/);
      assertMatch(output, /✓ 12,000 places, each in 4 sublevels/);
      for (const section of ["1  Load", "2  Recover", "3  Go on", "4  Ask", "5  Read", "6  Look"]) {
        assert(output.includes(`\n${section}`), section);
      }
      assertMatch(output, /The database is closed/);

      await using database = await open(join(directory, "data", "demo"), {
        createIfMissing: false,
      });
      assertEquals(await survey(storesOf(database)), { places: 12_000, isWhole: true });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
