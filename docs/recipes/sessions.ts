/**
 * **What.** Sessions for a web server: a signed cookie names a session, the session is in the database. It ends when
 * it is not used for a while, or at a logout. This starts a server, talks to it and prints what it says:
 * ```text
 * deno run --allow-read --allow-write --allow-net=127.0.0.1 docs/recipes/sessions.ts [DIRECTORY]
 * ```
 *
 * **Format.** Two sublevels of one store, and a cookie.
 * ```text
 * session  id            → { data, expires }, as JSON
 * expiry   [expires, id] → nothing: the sessions in the order in which they end
 * cookie   id.signature, the signature being HMAC-SHA-256 of the id
 * ```
 *
 * **Invariants.**
 * 1. A session and its entry in `expiry` are written and removed in one batch.
 * 2. What is read to decide on a write is read without `await` before that write: nobody comes in between.
 * 3. A login and a logout are on disk before they are answered.
 *
 * **Read next.** `sessions_test.ts`
 *
 * @module
 */
import { type Batch, json, open, type Store, tuple } from "@varve/varve";

/** What can be chosen. */
export interface SessionsOptions {
  /** Signs the cookies: at least 32 bytes, the same after a restart. Who has it can forge an id, but not guess one. */
  readonly secret: Uint8Array<ArrayBuffer>;
  /** How long a session lasts that is not used: two weeks by default. */
  readonly lifetimeMs?: number;
  /** The time, in milliseconds since 1970. */
  readonly now?: () => number;
  /** Whether the cookie is sent over HTTPS only, which it should be: true by default. */
  readonly isSecure?: boolean;
}

/** A session that is under way. */
export interface Session<T> {
  readonly id: string;
  readonly data: T;
  /** The cookie to set again, if the session was renewed. */
  readonly setCookie?: string;
}

interface Stored<T> {
  readonly data: T;
  readonly expires: number;
}

/** At most so many sessions are removed in one batch, so that a sweep holds nobody up. */
const SWEEP_MAX = 500;
const COOKIE = "session";
const BASE64_URL = { alphabet: "base64url", omitPadding: true } as const;

/** Sessions with data of type `T`. */
export class Sessions<T> {
  readonly #store: Store<string, string>;
  readonly #sessions: Store<string, Stored<T>>;
  readonly #expiry: Store<[expires: number, id: string], string>;
  readonly #key: Promise<CryptoKey>;
  readonly #lifetimeMs: number;
  readonly #now: () => number;
  readonly #attributes: string;

  /**
   * Makes the sessions of a store.
   *
   * @param store The database, or a sublevel of it.
   * @param options What can be chosen.
   * @throws {RangeError} If the secret is short, or the lifetime is not a positive number.
   */
  constructor(store: Store<string, string>, options: SessionsOptions) {
    const { secret, lifetimeMs = 14 * 24 * 3600_000, now = Date.now, isSecure = true } = options;
    if (secret.length < 32) {
      throw new RangeError(`Cannot sign sessions: the secret has ${secret.length} bytes, not 32`);
    }
    if (!(lifetimeMs > 0 && lifetimeMs < Infinity)) {
      throw new RangeError(`Cannot keep sessions: lifetimeMs must be positive, got ${lifetimeMs}`);
    }
    this.#store = store;
    this.#sessions = store.sublevel("session", { value: json<Stored<T>>() });
    this.#expiry = store.sublevel("expiry", { key: tuple<[number, string]>() });
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    this.#key = crypto.subtle.importKey("raw", secret, algorithm, false, ["sign", "verify"]);
    this.#lifetimeMs = lifetimeMs;
    this.#now = now;
    this.#attributes = `; Path=/; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
  }

  /**
   * Begins a session.
   *
   * @param data What to remember. Never the id of a session before: a login makes a new one.
   * @returns The value of `Set-Cookie`. The session is on disk by then.
   */
  async begin(data: T): Promise<string> {
    const id = crypto.getRandomValues(new Uint8Array(16)).toBase64(BASE64_URL);
    const cookie = await this.#cookieOf(id);
    await this.#put(this.#store.batch(), id, data).commit();
    return cookie;
  }

  /**
   * Finds the session that a request belongs to, and renews it if half of its time is over.
   *
   * @param request The request.
   * @returns The session, or `undefined` if the cookie is missing, forged, or of a session that has ended.
   */
  async find(request: Request): Promise<Session<T> | undefined> {
    const id = await this.#idOf(request);
    if (id === undefined) return undefined;
    const cookie = await this.#cookieOf(id);
    // #region renew
    // From here on nothing is awaited: a logout comes before all of this, or after.
    const stored = this.#sessions.getSync(id);
    const now = this.#now();
    if (stored === undefined || stored.expires <= now) return undefined;
    const { data, expires } = stored;
    if (expires - now > this.#lifetimeMs / 2) return { id, data };
    const batch = this.#store.batch();
    batch.on(this.#expiry).delete([expires, id]);
    this.#put(batch, id, data).commitSync({ sync: false }); // a lost renewal costs a login
    return { id, data, setCookie: cookie };
    // #endregion
  }

  /**
   * Changes what is remembered of a session. When it ends stays as it is: that is for `find` to say, with the cookie.
   *
   * @param id The session.
   * @param change Makes the new data from the old; it must not wait for anything.
   * @returns The new data, or `undefined` if the session has ended.
   */
  update(id: string, change: (data: T) => T): T | undefined {
    const stored = this.#sessions.getSync(id);
    if (stored === undefined || stored.expires <= this.#now()) return undefined;
    const data = change(stored.data);
    this.#sessions.putSync(id, { ...stored, data }, { sync: false });
    return data;
  }

  /**
   * Ends a session, if it has not ended.
   *
   * @param id The session.
   * @returns The value of `Set-Cookie` that removes the cookie. The session is gone from the disk by then.
   */
  async end(id: string): Promise<string> {
    const stored = this.#sessions.getSync(id);
    const batch = this.#store.batch();
    batch.on(this.#sessions).delete(id);
    if (stored !== undefined) batch.on(this.#expiry).delete([stored.expires, id]);
    batch.commitSync({ sync: false }); // at once, so that nobody renews it meanwhile
    await this.#sessions.delete(id); // once more, to be on disk with all before it: others share the sync
    return `${COOKIE}=${this.#attributes}; Max-Age=0`;
  }

  // #region sweep
  /**
   * Removes sessions whose time is over, the oldest first.
   *
   * @returns How many: if it is 500, there may be more.
   */
  sweep(): number {
    const batch = this.#store.batch();
    const over = this.#expiry.keysSync({ lte: [this.#now(), "~"], limit: SWEEP_MAX });
    for (const [expires, id] of over) {
      batch.on(this.#expiry).delete([expires, id]);
      batch.on(this.#sessions).delete(id);
    }
    const count = batch.length / 2;
    batch.commitSync({ sync: false });
    return count;
  }
  // #endregion

  /** Adds a session to a batch, with the time when it ends. */
  #put<B extends Batch<string, string>>(batch: B, id: string, data: T): B {
    const expires = this.#now() + this.#lifetimeMs;
    batch.on(this.#sessions).put(id, { data, expires });
    batch.on(this.#expiry).put([expires, id], "");
    return batch;
  }

  async #cookieOf(id: string): Promise<string> {
    const bytes = await crypto.subtle.sign("HMAC", await this.#key, new TextEncoder().encode(id));
    const signature = new Uint8Array(bytes).toBase64(BASE64_URL);
    const seconds = Math.ceil(this.#lifetimeMs / 1000);
    return `${COOKIE}=${id}.${signature}${this.#attributes}; Max-Age=${seconds}`;
  }

  /** The id that a request's cookie has, if we have signed it. */
  async #idOf(request: Request): Promise<string | undefined> {
    const header = request.headers.get("cookie") ?? "";
    const match = /(?:^|;\s*)session=([\w-]{22})\.([\w-]{43})(?:;|$)/.exec(header);
    if (match === null) return undefined;
    const [, id, text] = match as unknown as [string, string, string];
    const signed = new TextEncoder().encode(id);
    try {
      const signature = Uint8Array.fromBase64(text, { alphabet: "base64url" });
      const isOurs = await crypto.subtle.verify("HMAC", await this.#key, signature, signed);
      return isOurs ? id : undefined; // compared in constant time
    } catch (error) {
      if (error instanceof SyntaxError) return undefined; // not Base64
      throw error;
    }
  }
}

/** What the example remembers of a visitor. */
export interface Visitor {
  readonly name: string;
  readonly visits: number;
}

/**
 * A small site with a login, to be given to `Deno.serve`.
 *
 * @param sessions Its sessions.
 * @returns What answers requests.
 */
export function handlerOf(sessions: Sessions<Visitor>): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/login" && request.method === "POST") {
      const setCookie = await sessions.begin({ name: searchParams.get("name") ?? "?", visits: 0 });
      return new Response("Welcome\n", { headers: { "set-cookie": setCookie } });
    }
    const session = await sessions.find(request);
    if (session === undefined) return new Response("Who are you?\n", { status: 401 });
    if (pathname === "/logout" && request.method === "POST") {
      const headers = { "set-cookie": await sessions.end(session.id) };
      return new Response("Goodbye\n", { headers });
    }
    const data = sessions.update(session.id, (it) => ({ ...it, visits: it.visits + 1 }));
    const headers = new Headers();
    if (session.setCookie !== undefined) headers.set("set-cookie", session.setCookie);
    return new Response(`${data?.name}, visit ${data?.visits}\n`, { headers });
  };
}

/**
 * Shows it at work: logs in, restarts the server, comes back, and logs out.
 *
 * @param directory Where the database is.
 * @param print Told what happens.
 */
export async function demo(
  directory: string,
  print: (line: string) => void = console.log,
): Promise<void> {
  const secret = crypto.getRandomValues(new Uint8Array(32)); // keep yours: it must survive a restart
  let time = Date.now();
  const serve = async (visit: (ask: Ask) => Promise<void>) => {
    await using db = await open(directory);
    const sessions = new Sessions<Visitor>(db, { secret, now: () => time, isSecure: false });
    const timer = setInterval(() => sessions.sweep(), 60_000);
    const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
    await using server = Deno.serve(options, handlerOf(sessions));
    const ask = askOf(`http://127.0.0.1:${server.addr.port}`, print);
    await visit(ask);
    clearInterval(timer);
    print(`  swept: ${sessions.sweep()}`);
  };
  let cookie = "";
  await serve(async (ask) => {
    cookie = (await ask("POST", "/login?name=Ada")).replace(/;.*/, "");
    await ask("GET", "/", cookie);
    await ask("GET", "/", cookie.replace(/\.../, ".xx"));
  });
  print("The server is started again, and eight days are over");
  time += 8 * 24 * 3600_000;
  await serve(async (ask) => {
    await ask("GET", "/", cookie);
    await ask("POST", "/login?name=Bob");
    await ask("POST", "/logout", cookie);
    await ask("GET", "/", cookie);
    time += 15 * 24 * 3600_000;
  });
}

/** Asks for a page, and returns the cookie that is set. */
type Ask = (method: string, path: string, cookie?: string) => Promise<string>;

/** A visitor of a site, who prints what is asked and answered. */
function askOf(origin: string, print: (line: string) => void): Ask {
  return async (method, path, cookie = "") => {
    const response = await fetch(origin + path, { method, headers: { cookie } });
    const setCookie = response.headers.get("set-cookie") ?? "";
    const set = /^session=;/.test(setCookie) ? ", removes the cookie" : ", sets the cookie";
    const text = (await response.text()).trim();
    print(`  ${method} ${path} → ${response.status} ${text}${setCookie === "" ? "" : set}`);
    return setCookie;
  };
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "varve_sessions_" });
  await demo(directory);
  if (Deno.args.length === 0) await Deno.remove(directory, { recursive: true });
}
