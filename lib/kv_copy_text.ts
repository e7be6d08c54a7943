/**
 * **What.** Keys and values of Deno KV as text on one line: JSON, with a form for what JSON does not have.
 *
 * **Format.**
 * ```text
 * key  := "[" (part ("," part)*)? "]"
 * part := string | number | true | false                  as in JSON
 *       | {"bytes": string}                               hexadecimal
 *       | {"bigint": string}                              decimal
 *       | {"number": "NaN" | "Infinity" | "-Infinity" | "-0"}
 * ```
 * A value that JSON gives back as it was is JSON; any other is printed as a program would show it.
 *
 * **Invariants.**
 * 1. What is printed of a key can be typed again, and is the same key.
 * 2. Text is one line, whatever the key or value has in it.
 *
 * **Read next.** `kv_copy.ts`
 *
 * @module
 */
import type { KvKey, KvKeyPart } from "./kv_key.ts";
import { describe } from "./options.ts";

/** Numbers that JSON does not have. */
const NUMBERS: ReadonlyMap<string, number> = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["-0", -0],
]);

/**
 * A key as text.
 *
 * @example What is not JSON has a form of its own
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { kvKeyOfText, kvKeyText } from "./kv_copy_text.ts";
 *
 * const key = ["users", 7, 7n, Uint8Array.of(0xab)];
 * assertEquals(kvKeyText(key), '["users",7,{"bigint":"7"},{"bytes":"ab"}]');
 * assertEquals(kvKeyOfText(kvKeyText(key)), key);
 * ```
 *
 * @param key The key.
 * @returns The text.
 */
export function kvKeyText(key: KvKey): string {
  return escaped(JSON.stringify(key.map((part) => {
    if (part instanceof Uint8Array) return { bytes: part.toHex() };
    if (typeof part === "bigint") return { bigint: String(part) };
    if (typeof part !== "number" || (Number.isFinite(part) && !Object.is(part, -0))) return part;
    return { number: Object.is(part, -0) ? "-0" : String(part) };
  })));
}

/** JSON without the characters that JSON may have and that do something to a terminal or end a line. */
function escaped(json: string): string {
  return json.replaceAll(
    /[\x7f-\x9f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * The key that text stands for.
 *
 * @param text The text.
 * @returns The key.
 * @throws {TypeError} If it is not one.
 */
export function kvKeyOfText(text: string): KvKeyPart[] {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch (cause) {
    throw notKey(text, "it is not JSON", cause);
  }
  if (!Array.isArray(parts)) throw notKey(text, "it is not an array");
  return parts.map((part) => partOf(part, text));
}

function partOf(part: unknown, text: string): KvKeyPart {
  if (typeof part === "string" || typeof part === "number" || typeof part === "boolean") {
    return part;
  }
  const [[kind, written] = [], ...others] = Object.entries(part ?? {});
  if (typeof written === "string" && others.length === 0) {
    if (kind === "bigint" && /^-?\d+$/.test(written)) return BigInt(written);
    if (kind === "bytes" && /^([0-9a-fA-F]{2})*$/.test(written)) return Uint8Array.fromHex(written);
    if (kind === "number" && NUMBERS.has(written)) return NUMBERS.get(written)!;
  }
  throw notKey(text, `no part of a key is ${JSON.stringify(part)}`);
}

function notKey(text: string, why: string, cause?: unknown): TypeError {
  return new TypeError(`Cannot read key: ${why}: ${describe(text)}`, { cause });
}

/**
 * A value as JSON.
 *
 * @param value The value.
 * @returns The text, or `undefined` if JSON would not give the value back as it is.
 */
export function kvValueText(value: unknown): string | undefined {
  return isJsonValue(value) ? escaped(JSON.stringify(value)) : undefined;
}

/** Whether JSON gives a value back as it is. */
function isJsonValue(value: unknown): boolean {
  const seen = new Set<unknown>();
  const isJson = (it: unknown): boolean => {
    if (it === null || typeof it === "boolean" || typeof it === "string") return true;
    if (typeof it === "number") return Number.isFinite(it) && !Object.is(it, -0);
    if (typeof it !== "object" || seen.has(it)) return false; // shared, or in itself
    seen.add(it);
    if (Array.isArray(it)) return Object.keys(it).length === it.length && it.every(isJson);
    return Object.getPrototypeOf(it) === Object.prototype && Object.values(it).every(isJson);
  };
  return isJson(value);
}
