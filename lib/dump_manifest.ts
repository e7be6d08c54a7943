/**
 * **What.** Version edits, which manifests are made of, and `CURRENT` as parts. The formats are in `version_edit.ts`
 * and `manifest.ts`.
 *
 * **Invariants.**
 * 1. Every field before the first damaged byte is shown, and what follows that byte is one part: a field's length is
 *    known from what is in it only.
 * 2. What is shown of a field is what the engine reads from the same bytes.
 *
 * **Read next.** `dump_log.ts`
 *
 * @module
 */
import {
  DETAIL,
  type DumpOptions,
  type DumpPart,
  type DumpParts,
  DumpReader,
  type DumpSource,
  internalKeyText,
  part,
  shortText,
} from "./dump_part.ts";
import { parseFileName } from "./file_names.ts";
import {
  LEVELS,
  TAG_ADDED_TABLE,
  TAG_COMPACT_POINTER,
  TAG_COMPARATOR,
  TAG_DELETED_TABLE,
  TAG_LAST_SEQUENCE,
  TAG_LOG_NUMBER,
  TAG_NEXT_FILE_NUMBER,
  TAG_PREV_LOG_NUMBER,
} from "./version_edit.ts";

/** What stands in a field after its tag. */
type ItemKind = "level" | "number" | "name" | "key";

interface FieldFormat {
  readonly name: string;
  readonly items: readonly (readonly [ItemKind, string])[];
  /** What the field says, of what its items do. */
  readonly text: (items: readonly string[]) => string;
}

const only = (items: readonly string[]) => items[0]!;

const FORMATS: ReadonlyMap<number, FieldFormat> = new Map<number, FieldFormat>([
  [TAG_COMPARATOR, { name: "comparator", items: [["name", "name"]], text: only }],
  [TAG_LOG_NUMBER, { name: "log number", items: [["number", "number"]], text: only }],
  [TAG_PREV_LOG_NUMBER, { name: "previous log", items: [["number", "number"]], text: only }],
  [TAG_NEXT_FILE_NUMBER, { name: "next file number", items: [["number", "number"]], text: only }],
  [TAG_LAST_SEQUENCE, { name: "last sequence", items: [["number", "number"]], text: only }],
  [TAG_COMPACT_POINTER, {
    name: "compact pointer",
    items: [["level", "level"], ["key", "key"]],
    text: ([level, key]) => `level ${level}, after ${key}`,
  }],
  [TAG_DELETED_TABLE, {
    name: "deleted table",
    items: [["level", "level"], ["number", "number"]],
    text: ([level, number]) => `level ${level}, number ${number}`,
  }],
  [TAG_ADDED_TABLE, {
    name: "added table",
    items: [
      ["level", "level"],
      ["number", "number"],
      ["number", "bytes"],
      ["key", "smallest key"],
      ["key", "largest key"],
    ],
    text: ([level, number, bytes, from, to]) =>
      `level ${level}, number ${number}, ${bytes} bytes, ${from} … ${to}`,
  }],
]);

/**
 * Takes a version edit apart.
 *
 * @param source Where it is.
 * @param start Where it starts.
 * @param end Where it ends, exclusive.
 * @param depth How deep its first part is.
 * @param options How much is shown.
 */
export function* dumpEdit(
  source: DumpSource,
  start: number,
  end: number,
  depth: number,
  options: DumpOptions,
): DumpParts {
  const length = end - start;
  const isLeaf = length === 0;
  const text = isLeaf ? "changes nothing" : `${length} bytes`;
  yield part(source, depth, start, length, "version edit", text, { isEntry: true, isLeaf });
  const reader = new DumpReader(source, start, end);
  while (reader.left > 0) {
    const from = reader.at;
    const field = readField(reader, depth + 1, options);
    if (typeof field === "string") {
      const rest = end - from;
      yield part(source, depth + 1, from, rest, "rest", "", { damage: field, isLeaf: true });
      return;
    }
    yield* field;
  }
}

/** Reads a field, or says why there is none. */
function readField(reader: DumpReader, depth: number, options: DumpOptions): DumpPart[] | string {
  const { source } = reader;
  const offset = reader.at;
  const tag = reader.varint32();
  if (tag === undefined) return "a field whose tag is cut or too large";
  const format = FORMATS.get(tag);
  if (format === undefined) return `an unknown field, ${tag}`;
  const items: DumpPart[] = [
    part(source, depth + 1, offset, reader.at - offset, "tag", `${tag}: ${format.name}`, DETAIL),
  ];
  const texts: string[] = [];
  let damage: string | undefined;
  for (const [kind, name] of format.items) {
    const from = reader.at;
    if (kind === "level" || kind === "number") {
      const value = kind === "level" ? reader.varint32() : reader.varint64();
      if (value === undefined) return `${format.name} whose ${name} is cut or too large`;
      if (kind === "level" && value >= LEVELS) damage ??= `level ${value} does not exist`;
      if (tag === TAG_ADDED_TABLE && name === "number" && value === 0) {
        damage ??= "table number 0, which means none";
      }
      texts.push(String(value));
      items.push(part(source, depth + 1, from, reader.at - from, name, texts.at(-1)!, DETAIL));
      continue;
    }
    const start = reader.lengthPrefixed();
    if (start === undefined) return `${format.name} whose ${name} is cut or has a length too large`;
    const bytes = reader.at - start;
    if (kind === "key") {
      const key = internalKeyText(source, start, bytes, options);
      // What stands in a manifest is the key of an entry, which no separator is.
      damage ??= key.damage ?? (key.isSeparator ? "a key that no entry has" : undefined);
      texts.push(key.text);
    } else {
      texts.push(shortText(source, start, bytes, 256));
    }
    const lengthText = `${bytes} bytes`;
    items.push(
      part(source, depth + 1, from, start - from, `${name} length`, lengthText, DETAIL),
      part(source, depth + 1, start, bytes, name, texts.at(-1)!, DETAIL),
    );
  }
  const text = format.text(texts);
  return [part(source, depth, offset, reader.at - offset, format.name, text, { damage }), ...items];
}

/** No `CURRENT` is longer. */
const CURRENT_BYTES_MAX = 26;

/**
 * Takes a `CURRENT` apart.
 *
 * @param source Where it is.
 * @param depth How deep its parts are.
 */
export function* dumpCurrent(source: DumpSource, depth: number): DumpParts {
  const bytes = source.read(0, Math.min(source.size, CURRENT_BYTES_MAX)).slice();
  const nameEnd = bytes.indexOf(0x0a);
  const name = new TextDecoder().decode(bytes.subarray(0, Math.max(0, nameEnd)));
  const isName = nameEnd > 0 && parseFileName(name)?.kind === "manifest";
  const isWhole = isName && source.size === nameEnd + 1;
  if (!isWhole) {
    const damage = "not the name of a manifest and the end of a line";
    const text = shortText(source, 0, source.size, 64);
    yield part(source, depth, 0, source.size, "manifest", text, { damage, isLeaf: true });
    return;
  }
  yield part(source, depth, 0, nameEnd, "manifest", name, { isLeaf: true });
  yield part(source, depth, nameEnd, 1, "end of line", "", DETAIL);
}
