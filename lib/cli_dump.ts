/**
 * **What.** The command `dump`: a file of a database in readable form.
 *
 * It reads the one file and opens no database, so it works on one that is in use. What is written to the file meanwhile
 * is not shown: the file is read up to the size that it had.
 *
 * **Format.** What it prints is described in `dump_text.ts`. With `--json`, the last line is
 * ```text
 * {"entries": number, "damages": number}    how many entries there were, and how many parts are damaged
 * ```
 *
 * **Invariants.**
 * 1. Everything that can be read is printed before the status says that there is damage.
 * 2. Memory does not grow with the file; from a pipe no more than {@linkcode PIPE_BYTES_MAX} are taken.
 *
 * **Read next.** `cli.ts`
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import type { CliFrame } from "./cli_command.ts";
import { type CliContext, CliError } from "./cli_context.ts";
import { DUMP_KINDS, dumpFile, type DumpKind, kindByContent, kindByName } from "./dump_file.ts";
import { readInput } from "./cli_entries.ts";
import {
  type DumpBlockPlace,
  type DumpOptions,
  type DumpPart,
  type DumpSource,
  FileSource,
  MemorySource,
  VALUE_BYTES_DEFAULT,
  VALUE_BYTES_MAX,
} from "./dump_part.ts";
import { dumpLines, type DumpStyle } from "./dump_text.ts";
import { counted } from "./shell_report.ts";

/** More than this is not taken from a pipe: a table is read from its end, so all of it is kept in memory. */
export const PIPE_BYTES_MAX: number = 1024 * 1024 * 1024;
/** Lines are printed in pieces of about this many characters. */
const PRINT_CHARACTERS = 16 * 1024;
/** A file without lines is as wide as this. */
const COLUMNS_WITHOUT_TERMINAL = 120;

interface DumpCliOptions {
  readonly as?: DumpKind;
  readonly hex?: true;
  readonly json?: true;
  readonly keysOnly?: true;
  readonly values: number;
  readonly limit?: number;
  readonly block?: BlockChoice;
}

/** Which block is wanted. */
interface BlockChoice {
  readonly typed: string;
  readonly isIt: (place: DumpBlockPlace) => boolean;
}

/**
 * Adds `dump`.
 *
 * @param frame The frame.
 */
export function addDump(frame: CliFrame): void {
  const command = frame.command("dump", {
    summary: "print a file of a database in readable form",
    details: "A log, manifest, table or CURRENT, part by part: offset (hexadecimal and decimal), " +
      "length, name, and what it says. Offsets that begin with + count in the decompressed block " +
      "or joined record above them. The database may be in use. The status is 1 if there is damage.",
    examples: [
      ["varve dump ./data/000005.ldb", "every block and entry of a table"],
      ["varve dump ./data/000004.log --limit 10", "the first ten writes of a log"],
      ["varve dump ./data/MANIFEST-000003 --hex", "beside its bytes"],
      ["varve dump ./data/000005.ldb --block 3 --keys-only", "the keys of one block"],
      ["varve dump - --as log --json < copy | jq .text", "from a pipe, for a program"],
    ],
  })
    .argument("<file>", "the file; - reads the input")
    .option("--as <kind>", `what it is: ${DUMP_KINDS.join(", ")}`, kindOf)
    .option("--hex", "show the bytes beside what they are")
    .option(
      "--block <block>",
      "one block only: its number, 0x… or @… for the offset of a byte in it, or the name index, " +
        "metaindex, filter or footer; of a log, one of its blocks of 32 KiB",
      blockOf,
    )
    .option("--limit <count>", "stop after as many entries", limitOf)
    .option("--keys-only", "leave out values")
    .option(
      "--values <bytes>",
      "show this many bytes of a value; full for up to 16 MiB",
      valuesOf,
      VALUE_BYTES_DEFAULT,
    )
    .option("--json", "a JSON object for each part");
  frame.onRun<DumpCliOptions>(command, async (context, [path], options) => {
    using input = path === "-" ? await fromInput(context) : openFile(context, path!);
    const { source, name } = input;
    const kind = await chooseKind(context, source, name, options.as);
    return await print(context, source, name, kind, options);
  });
}

function kindOf(typed: string): DumpKind {
  const kind = DUMP_KINDS.find((it) => it === typed);
  if (kind === undefined) throw new InvalidArgumentError(`It is one of ${DUMP_KINDS.join(", ")}.`);
  return kind;
}

function limitOf(typed: string): number {
  if (!/^\d{1,15}$/.test(typed)) throw new InvalidArgumentError("It is a number of entries.");
  return Number(typed);
}

function valuesOf(typed: string): number {
  if (typed === "full") return VALUE_BYTES_MAX;
  if (!/^\d{1,15}$/.test(typed)) {
    throw new InvalidArgumentError("It is a number of bytes, or full.");
  }
  return Math.min(Number(typed), VALUE_BYTES_MAX);
}

function blockOf(typed: string): BlockChoice {
  const isNamed = ["index", "metaindex", "filter", "footer"].includes(typed);
  if (isNamed) return { typed, isIt: ({ kind }) => kind === typed };
  const [, number, decimal, hex] = /^(?:(\d{1,15})|@(\d{1,15})|0x([0-9a-f]{1,13}))$/i.exec(typed) ??
    [];
  if (number !== undefined) return { typed, isIt: (place) => place.number === Number(number) };
  if (decimal === undefined && hex === undefined) {
    throw new InvalidArgumentError(
      "It is a number, @ and an offset, 0x and an offset in hexadecimal, or the name of a block.",
    );
  }
  const offset = decimal !== undefined ? Number(decimal) : Number.parseInt(hex!, 16);
  const isIt = (place: DumpBlockPlace) =>
    offset >= place.offset && offset < place.offset + place.length;
  return { typed, isIt };
}

/** What is dumped, to be closed. */
interface DumpInput extends Disposable {
  readonly source: DumpSource;
  readonly name: string;
}

function openFile({ fileSystem }: CliContext, path: string): DumpInput {
  if (path === "") throw new CliError("Cannot dump: the name of the file is empty");
  const file = fileSystem.open(path);
  const name = path.split(/[/\\]/).at(-1)!;
  return { source: new FileSource(file), name, [Symbol.dispose]: () => file.close() };
}

async function fromInput(context: CliContext): Promise<DumpInput> {
  if (context.input.isTerminal) throw new CliError("Cannot dump -: the input is a terminal");
  const refusal = `Cannot dump -: over ${PIPE_BYTES_MAX} bytes; give the name of a file`;
  const bytes = await readInput(context, PIPE_BYTES_MAX, refusal);
  return { source: new MemorySource(bytes, undefined), name: "-", [Symbol.dispose]: () => {} };
}

async function chooseKind(
  { errors }: CliContext,
  source: DumpSource,
  name: string,
  given: DumpKind | undefined,
): Promise<DumpKind> {
  if (given !== undefined) return given;
  const named = kindByName(name);
  const found = kindByContent(source);
  if (found === undefined && named === undefined) {
    const why = source.size === 0
      ? "it is empty"
      : `it is no log, manifest, table or CURRENT, by its name or by what is in it; try --as`;
    throw new CliError(`Cannot dump ${name}: ${why}`);
  }
  if (found !== undefined && named !== undefined && found !== named) {
    const note = `note: it is named as a ${named}, but is a ${found}; --as ${named} insists\n`;
    await errors.write(note);
  }
  return found ?? named!;
}

async function print(
  context: CliContext,
  source: DumpSource,
  name: string,
  kind: DumpKind,
  options: DumpCliOptions,
): Promise<void> {
  const { output, signal } = context;
  const { hex = false, json = false, keysOnly = false, values, limit = Infinity, block } = options;
  let isBlockThere = false;
  const wants = block && ((place: DumpBlockPlace) => {
    const isIt = block.isIt(place);
    isBlockThere ||= isIt;
    return isIt;
  });
  const dumpOptions: DumpOptions = { valueBytes: values, keysOnly, wants };
  const style: DumpStyle = {
    format: json ? "json" : "text",
    hasBytes: hex,
    bytesMax: Math.max(values, 16),
    hasColors: output.hasColors,
    columns: output.isTerminal ? output.columns : COLUMNS_WITHOUT_TERMINAL,
  };
  const damages = new Damages();
  let entries = 0;
  let isCut = false;
  let lines = "";
  for (const part of dumpFile(source, name, kind, dumpOptions)) {
    if (part.isEntry && entries++ === limit) {
      isCut = true;
      entries--;
      break;
    }
    damages.take(part);
    for (const line of dumpLines(part, style)) lines += `${line}\n`;
    if (lines.length < PRINT_CHARACTERS) continue;
    await output.write(lines);
    lines = "";
    signal.throwIfAborted();
  }
  if (block !== undefined && !isBlockThere) {
    throw new CliError(`Cannot dump ${name}: it has no such block: ${block.typed}`);
  }
  lines += endLine(entries, damages.count, isCut, json);
  await output.write(lines);
  if (damages.count > 0) throw new CliError(damages.message(name), 1);
}

function endLine(entries: number, damages: number, isCut: boolean, isJson: boolean): string {
  if (isJson) return `${JSON.stringify({ entries, damages })}\n`;
  const more = isCut ? ", and more behind them" : "";
  const damage = damages === 0 ? "no damage" : counted(damages, "damaged part", "damaged parts");
  return `${counted(entries, "entry", "entries")}${more}; ${damage}\n`;
}

/** How many parts are damaged, and which is the first. */
class Damages {
  count = 0;
  #first: DumpPart | undefined;

  take(part: DumpPart): void {
    if (part.damage === undefined) return;
    this.count++;
    this.#first ??= part;
  }

  message(name: string): string {
    const { offset, source, name: what, damage } = this.#first!;
    const within = source.within === undefined ? "" : ` of the ${source.within}`;
    const places = this.count === 1 ? "in one place" : `in ${this.count} places, the first`;
    return `${name} is damaged ${places} at byte ${offset}${within}: ${what}: ${damage}`;
  }
}
