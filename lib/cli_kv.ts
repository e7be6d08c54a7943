/**
 * **What.** The commands for databases of Deno KV: `kv get`, `kv set`, `kv list`, `kv delete` and `kv copy`. Each takes
 * a directory of this library, a file of the runtime's own Deno KV, or the URL of a database elsewhere.
 *
 * **Format.** What names a database, and what is printed, where `key` and `value` are as in `kv_copy_text.ts`:
 * ```text
 * place := "http://" … | "https://" …       elsewhere; the token is in DENO_KV_ACCESS_TOKEN
 *        | "file:" path                     a file of the runtime
 *        | path                             a file of the runtime if it is a file, or is not there and ends like one
 *                                           (.db, .sqlite, .sqlite3, .kv); else a directory of this library
 * get   := value LF
 * list  := (key TAB value LF)*
 * copy  := one line that says what was done, LF
 * ```
 *
 * **Invariants.**
 * 1. What reads changes nothing, makes no database, and needs no permission to write for a directory.
 * 2. A copy that ends early, also by a signal, can be taken up again by the same command line, and says so.
 * 3. A copy says what it cannot keep: the expiry of entries from elsewhere, messages of queues, what was left out.
 * 4. What the runtime lacks without a flag is said in one line.
 *
 * **Read next.** `cli.ts`
 *
 * @module
 */
import type { Command } from "commander";
import type { CliFrame, CommandTexts } from "./cli_command.ts";
import { type CliContext, CliError, type CliOutput, errorLine } from "./cli_context.ts";
import { wholeNumber } from "./cli_entries.ts";
import { type KvPlace, openPlace, placeName } from "./cli_kv_place.ts";
import { Progress } from "./cli_progress.ts";
import { compareKv, type CompareReport, CopyError, copyKv, type CopyReport } from "./kv_copy.ts";
import { kvKeyOfText, kvKeyText, kvValueText } from "./kv_copy_text.ts";
import type { KvKey } from "./kv_key.ts";
import { bytesText, counted } from "./shell_report.ts";

/** Lines are printed in pieces of about this many characters. */
const PRINT_CHARACTERS = 16 * 1024;

const PLACE = "a directory, a file of Deno KV, or a URL";

/**
 * Adds `kv` and what belongs to it.
 *
 * @param frame The frame.
 */
export function addKv(frame: CliFrame): void {
  const parent = frame.command("kv", {
    summary: "databases of Deno KV, here and elsewhere",
    details: "A place is a directory of Varve, a file of the runtime's own Deno KV, or a URL. " +
      "For the last two run Deno with --unstable-kv.",
    examples: [
      [`varve kv get ./data '["users",7]'`, "print one value"],
      ["varve kv copy ./data https://kv.example.com", "move to a database elsewhere"],
    ],
  });
  addKvGet(frame, parent);
  addKvSet(frame, parent);
  addKvDelete(frame, parent);
  addKvList(frame, parent);
  addKvCopy(frame, parent);
}

/** Adds a command that works on one place. */
function placeCommand(
  frame: CliFrame,
  parent: Command,
  name: string,
  texts: CommandTexts,
): Command {
  return frame.command(name, texts, parent).argument("<place>", PLACE);
}

function addKvGet(frame: CliFrame, parent: Command): void {
  const command = placeCommand(frame, parent, "get", {
    summary: "print the value of a key",
    details: "As JSON, if JSON can say it. The status is 1 if there is no such key.",
    examples: [
      [`varve kv get ./data '["users",7]'`, "a key is a JSON array"],
      [`varve kv get ./data '["blocks",{"bytes":"00ff"}]'`, "with a part that is bytes"],
    ],
  }).argument("<key>", "the key, as a JSON array");
  frame.onRun(command, runGet);
}

async function runGet(context: CliContext, [place, typed]: string[]): Promise<void> {
  const key = keyOf(typed!);
  await using opened = await openPlace(context, place!, "reading");
  const { value, versionstamp } = await opened.kv.get(key);
  if (versionstamp === null) {
    throw new CliError(`Cannot get ${kvKeyText(key)}: there is no such key`, 1);
  }
  await context.output.write(`${valueText(value)}\n`);
}

/** The options of `kv set`. */
interface SetOptions {
  readonly expireIn?: number;
}

function addKvSet(frame: CliFrame, parent: Command): void {
  const command = placeCommand(frame, parent, "set", {
    summary: "set the value of a key",
    examples: [
      [`varve kv set ./data '["users",7]' '{"name":"Ada"}'`, "a value is JSON"],
      [`varve kv set ./data '["session"]' true --expire-in 60000`, "for a minute"],
    ],
  })
    .argument("<key>", "the key, as a JSON array")
    .argument("<value>", "the value, as JSON")
    .option("--expire-in <ms>", "after how many milliseconds it is gone", wholeNumber);
  frame.onRun<SetOptions>(command, runSet);
}

async function runSet(
  context: CliContext,
  [place, typed, json]: string[],
  { expireIn }: SetOptions,
): Promise<void> {
  const key = keyOf(typed!);
  const value = valueOf(json!);
  if (expireIn === 0) throw new CliError("Cannot set: --expire-in must be more than 0");
  await using opened = await openPlace(context, place!, "creating");
  const atomic = opened.kv.atomic();
  atomic.set(key, value, expireIn === undefined ? {} : { expireIn });
  await atomic.commit();
}

function addKvDelete(frame: CliFrame, parent: Command): void {
  const command = placeCommand(frame, parent, "delete", {
    summary: "delete keys",
    details: "All of them at once. A key that is not there is no error.",
    examples: [[`varve kv delete ./data '["users",7]' '["users",8]'`, "two of them"]],
  }).argument("<key...>", "the keys, as JSON arrays");
  frame.onRun(command, runDelete);
}

async function runDelete(context: CliContext, [place, ...typed]: string[]): Promise<void> {
  const keys = typed.map(keyOf);
  await using opened = await openPlace(context, place!, "writing");
  const atomic = opened.kv.atomic();
  for (const key of keys) atomic.delete(key);
  await atomic.commit();
}

/** The options of `kv list`. */
interface ListOptions {
  readonly limit?: number;
  readonly reverse?: boolean;
  readonly keys?: boolean;
}

function addKvList(frame: CliFrame, parent: Command): void {
  const command = placeCommand(frame, parent, "list", {
    summary: "print keys and values, in order",
    examples: [
      [`varve kv list ./data '["users"]' --limit 10`, "the first ten of them"],
      ["varve kv list ./data --keys", "all keys"],
    ],
  })
    .argument("[prefix]", "only keys that begin with it, a JSON array", "[]")
    .option("--limit <count>", "at most so many", wholeNumber)
    .option("--reverse", "from the last key to the first")
    .option("--keys", "keys only");
  frame.onRun<ListOptions>(command, runList);
}

async function runList(
  context: CliContext,
  [place, typed]: string[],
  { limit, reverse = false, keys = false }: ListOptions,
): Promise<void> {
  const prefix = keyOf(typed!);
  await using opened = await openPlace(context, place!, "reading");
  const { output, signal } = context;
  if (limit === 0) return;
  const chosen = { reverse, ...limit !== undefined && { limit } };
  let text = "";
  for await (const { key, value } of opened.kv.list({ prefix }, chosen)) {
    signal.throwIfAborted();
    text += `${kvKeyText(key)}${keys ? "" : `\t${valueText(value)}`}\n`;
    if (text.length < PRINT_CHARACTERS) continue;
    await output.write(text);
    text = "";
  }
  if (text !== "") await output.write(text);
}

/** The options of `kv copy`. */
interface CopyCliOptions {
  readonly verify?: true;
  readonly restart?: true;
  readonly overwrite?: true;
  readonly skip?: true;
}

function addKvCopy(frame: CliFrame, parent: Command): void {
  const command = frame.command("copy", {
    summary: "copy everything from one database to another",
    details:
      "A copy that was interrupted goes on where it was when the same command is given again. " +
      "What is written to the source meanwhile may be copied or not. Messages of queues are not copied. " +
      "The status is 1 if something was left out, or differs.",
    examples: [
      ["varve kv copy ./data https://kv.example.com --verify", "to a server, and compare"],
      ["varve kv copy kv.db ./data", "from a file of Deno KV to a directory"],
    ],
  }, parent)
    .argument("<from>", PLACE)
    .argument("<to>", PLACE)
    .option("--verify", "read both again afterwards, and compare every entry")
    .option("--restart", "begin anew, though a copy was interrupted")
    .option("--overwrite", "also into a database that has entries, over those of the same keys")
    .option("--skip", "leave out what the target does not take, and say what that is");
  frame.onRun<CopyCliOptions>(command, runCopy);
}

async function runCopy(
  context: CliContext,
  [from, to]: string[],
  options: CopyCliOptions,
): Promise<number> {
  await using source = await openPlace(context, from!, "reading");
  if (source.name === placeName(to!)) {
    throw new CliError(`Cannot copy ${source.name}: source and target are the same`);
  }
  await using target = await openPlace(context, to!, "creating");
  return await copyPlaces(context, source, target, options);
}

async function copyPlaces(
  context: CliContext,
  source: KvPlace,
  target: KvPlace,
  options: CopyCliOptions,
): Promise<number> {
  const { output, errors, signal } = context;
  await tellWhatIsLost(errors, source, target);
  let copied: CopyReport;
  try {
    await using progress = new Progress(errors, source.totalBytes());
    copied = await copyKv(source, target, {
      ...options,
      signal,
      onProgress: ({ bytes, entries }) => progress.update(bytes, entries),
      // Nobody is told if that fails: the count says it, too.
      onLeftOut: (key, why) => {
        errors.write(`left out: ${kvKeyText(key)}: ${why}\n`).catch(() => {});
      },
    });
  } catch (error) {
    if (error instanceof CopyError) throw new CliError(error.message, 2, { cause: error });
    await errors.write("interrupted: the same command goes on where it was\n");
    throw error;
  }
  const resumed = copied.resumedAt > 0 ? `, ${number(copied.resumedAt)} of them before` : "";
  const expired = copied.expired > 0 ? `, ${number(copied.expired)} had expired` : "";
  const leftOut = copied.leftOut > 0 ? `, ${number(copied.leftOut)} left out` : "";
  const what = `${counted(copied.entries, "entry", "entries")} (${bytesText(copied.bytes)})`;
  await output.write(`copied ${what}${resumed}${expired}${leftOut}\n`);
  const isSame = options.verify !== true || await verify(context, source, target, copied.leftOut);
  return isSame && copied.leftOut === 0 ? 0 : 1;
}

/** Says what a copy between two places cannot keep. */
async function tellWhatIsLost(errors: CliOutput, source: KvPlace, target: KvPlace): Promise<void> {
  if (source.expiresAt === undefined) {
    await errors.write(
      `note: ${source.name} does not tell when entries expire; the copies will not expire\n`,
    );
  }
  const messages = source.messageCount();
  if (messages === undefined || messages === 0) return;
  const what = counted(messages, "message", "messages");
  await errors.write(
    `note: ${what} in the queue of ${source.name} will not be in ${target.name}\n`,
  );
}

async function verify(
  { output, errors, signal }: CliContext,
  source: KvPlace,
  target: KvPlace,
  leftOut: number,
): Promise<boolean> {
  let report: CompareReport;
  {
    await using progress = new Progress(errors, source.totalBytes());
    report = await compareKv(source.kv, target.kv, {
      signal,
      onProgress: ({ bytes, entries }) => progress.update(bytes, entries),
    });
  }
  const { equal, different, missing, extra, first } = report;
  const parts = [
    `${number(equal)} equal`,
    `${number(different)} different`,
    `${number(missing)} missing`,
  ];
  if (extra > 0) parts.push(`${number(extra)} only in ${target.name}`);
  const where = first === undefined ? "" : `; the first is ${kvKeyText(first)}`;
  await output.write(`compared: ${parts.join(", ")}${where}\n`);
  return different === 0 && missing <= leftOut;
}

/** A count as all reports print it. */
function number(count: number): string {
  return count.toLocaleString("en");
}

function keyOf(typed: string): KvKey {
  try {
    return kvKeyOfText(typed);
  } catch (cause) {
    throw new CliError(errorLine(cause).replace(/^error: /, ""), 2, { cause });
  }
}

function valueOf(typed: string): unknown {
  try {
    return JSON.parse(typed);
  } catch (cause) {
    throw new CliError(`Cannot read value: it is not JSON: ${JSON.stringify(typed)}`, 2, { cause });
  }
}

/** A value on one line: as JSON, or as a program would show it. */
function valueText(value: unknown): string {
  const json = kvValueText(value);
  if (json !== undefined) return json;
  const shown = Deno.inspect(value, {
    depth: 100,
    compact: true,
    breakLength: Infinity,
    iterableLimit: Infinity,
    strAbbreviateSize: Infinity,
  });
  return shown.replaceAll(/\s+/g, " ").replaceAll(/\p{C}/gu, "\ufffd");
}
