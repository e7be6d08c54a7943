import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type FileSystem, json, MemoryFileSystem, open, tuple } from "@varve/varve";
import { SimulatedFileSystem } from "@varve/varve/testing";
import { demo, handlerOf, Sessions, type Visitor } from "./sessions.ts";

const secret = new Uint8Array(32).fill(7);
const DAY = 24 * 3600_000;

function requestWith(setCookie: string, path = "/", method = "GET"): Request {
  const headers = { cookie: `a=b; ${setCookie.replace(/;.*/, "")}; c=d` };
  return new Request(`http://localhost${path}`, { method, headers });
}

/** Sessions in memory, with a clock. */
async function setUp(fileSystem: FileSystem = new MemoryFileSystem()) {
  const db = await open("db", { fileSystem });
  const clock = { time: 1_000_000 };
  const sessions = new Sessions<string>(db, {
    secret,
    now: () => clock.time,
    lifetimeMs: 10 * DAY,
  });
  /** Which sessions each sublevel has; they must agree. */
  const kept = () => {
    const key = tuple<[number, string]>();
    const inOrder = [...db.sublevel("expiry", { key }).keysSync()];
    const stored = [
      ...db.sublevel("session", { value: json<{ expires: number }>() }).entriesSync(),
    ];
    assertEquals(
      inOrder.map(([expires, id]) => `${id} ${expires}`).sort(),
      stored.map(([id, { expires }]) => `${id} ${expires}`).sort(),
    );
    return inOrder.length;
  };
  return { db, sessions, clock, kept, [Symbol.asyncDispose]: () => db.close() };
}

Deno.test("a session is found by its cookie, and by no other", async () => {
  await using it = await setUp();
  const cookie = await it.sessions.begin("Ada");
  assertMatch(
    cookie,
    /^session=[\w-]{22}\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure; Max-Age=864000$/,
  );
  assertEquals((await it.sessions.find(requestWith(cookie)))?.data, "Ada");
  const other = await it.sessions.begin("Bob");
  const mixed = `${other.split(".")[0]}.${cookie.split(".")[1]}`; // Bob's id with Ada's signature
  for (const wrong of ["session=", "session=x.y", mixed, cookie.replace(".", ".A"), "nothing=1"]) {
    assertEquals(await it.sessions.find(requestWith(wrong)), undefined, wrong);
  }
  assertEquals(await it.sessions.find(new Request("http://localhost/")), undefined);
  const strangers = new Sessions<string>(it.db, { secret: new Uint8Array(32), now: () => 0 });
  assertEquals(await strangers.find(requestWith(cookie)), undefined);
  assertEquals(it.kept(), 2);
});

Deno.test("a session that is used lasts, and one that is not ends", async () => {
  await using it = await setUp();
  const used = await it.sessions.begin("used");
  const idle = await it.sessions.begin("idle");
  it.clock.time += 4 * DAY;
  assertEquals((await it.sessions.find(requestWith(used)))?.setCookie, undefined); // too early
  it.clock.time += 2 * DAY;
  const renewed = await it.sessions.find(requestWith(used));
  assertEquals(renewed?.setCookie, used);
  assertEquals(it.kept(), 2);
  it.clock.time += 4 * DAY; // ten in all: to the millisecond the end
  assertEquals(await it.sessions.find(requestWith(idle)), undefined);
  assertEquals((await it.sessions.find(requestWith(used)))?.data, "used");
  assertEquals([it.sessions.sweep(), it.kept(), it.sessions.sweep()], [1, 1, 0]);
});

Deno.test("changing what is remembered does not renew the session behind the cookie's back", async () => {
  await using it = await setUp();
  const cookie = await it.sessions.begin("a");
  it.clock.time += 6 * DAY;
  const { id } = (await it.sessions.find(requestWith(cookie)))!;
  assertEquals(it.sessions.update(id, (data) => `${data}b`), "ab");
  assertEquals((await it.sessions.find(requestWith(cookie)))?.data, "ab");
  it.clock.time += 10 * DAY;
  assertEquals(it.sessions.update(id, (data) => `${data}c`), undefined);
  assertEquals(it.kept(), 1);
});

Deno.test("a sweep removes many sessions a part at a time", async () => {
  await using it = await setUp();
  await Promise.all(Array.from({ length: 1100 }, (_, i) => it.sessions.begin(`${i}`)));
  it.clock.time += 10 * DAY;
  const last = await it.sessions.begin("last");
  assertEquals([it.sessions.sweep(), it.sessions.sweep(), it.sessions.sweep()], [500, 500, 100]);
  assertEquals(it.kept(), 1);
  assertEquals((await it.sessions.find(requestWith(last)))?.data, "last");
});

Deno.test("requests that arrive together do not bring back a session that was ended", async () => {
  for (let order = 0; order < 2; order++) {
    await using it = await setUp();
    const cookie = await it.sessions.begin("Ada");
    const { id } = (await it.sessions.find(requestWith(cookie)))!;
    it.clock.time += 6 * DAY; // each find would renew it
    const finds = Array.from({ length: 20 }, () => it.sessions.find(requestWith(cookie)));
    if (order === 1) await finds[0];
    const ended = it.sessions.end(id);
    await Promise.all([ended, ...finds]);
    assertEquals(it.kept(), 0, `order ${order}`);
    assertEquals(await it.sessions.find(requestWith(cookie)), undefined);
  }
});

Deno.test("a power cut takes back neither a login nor a logout", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const disk = new SimulatedFileSystem({ seed });
    await using it = await setUp(disk);
    const stays = await it.sessions.begin("stays");
    const goes = await it.sessions.begin("goes");
    await it.sessions.end((await it.sessions.find(requestWith(goes)))!.id);
    it.clock.time += 6 * DAY;
    await it.sessions.find(requestWith(stays)); // a renewal, which may be lost, but not by halves
    await using after = await setUp(disk.crash(seed));
    after.clock.time = it.clock.time;
    assertEquals((await after.sessions.find(requestWith(stays)))?.data, "stays", `seed ${seed}`);
    assertEquals(await after.sessions.find(requestWith(goes)), undefined, `seed ${seed}`);
    assertEquals(after.kept(), 1, `seed ${seed}`);
  }
});

Deno.test("a secret that is too short, and a lifetime that is none, are refused", async () => {
  await using db = await open("db", { fileSystem: new MemoryFileSystem() });
  assertThrows(() => new Sessions(db, { secret: new Uint8Array(31) }), RangeError, "31 bytes");
  assertThrows(() => new Sessions(db, { secret, lifetimeMs: 0 }), RangeError, "got 0");
});

Deno.test("the site answers, and logs in only whom it is asked to by POST", async () => {
  await using db = await open("db", { fileSystem: new MemoryFileSystem() });
  const handle = handlerOf(new Sessions<Visitor>(db, { secret }));
  const login = await handle(new Request("http://localhost/login?name=Ada", { method: "POST" }));
  const cookie = login.headers.get("set-cookie")!;
  assertEquals(await (await handle(requestWith(cookie))).text(), "Ada, visit 1\n");
  assertEquals((await handle(requestWith(cookie, "/logout", "GET"))).status, 200);
  assertEquals(await (await handle(requestWith(cookie))).text(), "Ada, visit 3\n");
  assertEquals((await handle(requestWith(cookie, "/logout", "POST"))).status, 200);
  assertEquals((await handle(requestWith(cookie))).status, 401);
});

const onNet = {
  ignore: (["read", "write", "net"] as const)
    .some((name) => Deno.permissions.querySync({ name }).state !== "granted"),
};

Deno.test("sessions survive a restart of the server, as the recipe shows", onNet, async () => {
  const directory = await Deno.makeTempDir({ prefix: "varve_sessions_" });
  try {
    const lines: string[] = [];
    await demo(directory, (line) => lines.push(line.trim()));
    assert(lines.includes("GET / → 200 Ada, visit 2, sets the cookie"), lines.join("\n"));
    assertEquals(lines.at(-2), "GET / → 401 Who are you?");
    assertEquals(lines.at(-1), "swept: 1");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
