import { assertEquals, assertRejects } from "@std/assert";
import { memoryContext } from "../tests/fixtures/cli_session.ts";
import { inDirectory } from "../tests/fixtures/temporary_directory.ts";
import { onDisk } from "../tests/permissions.ts";
import { CliError, SignalError } from "./cli_context.ts";
import { type LoadInput, openInput } from "./cli_load_input.ts";

const encoder = new TextEncoder();

async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function textOf(input: LoadInput): Promise<string> {
  const piece = new Uint8Array(7);
  const decoder = new TextDecoder();
  let text = "";
  for (let count; (count = await input.read(piece)) > 0;) {
    text += decoder.decode(piece.subarray(0, count), { stream: true });
  }
  return text;
}

function pipeOf(...pieces: Uint8Array[]) {
  return {
    ...memoryContext(),
    input: { isTerminal: false, readable: ReadableStream.from(pieces) },
  };
}

const TEXT = "a line\n".repeat(1000);

Deno.test("a file is read, from its middle too", onDisk, async () => {
  await inDirectory(async (directory) => {
    const path = `${directory}/file`;
    await Deno.writeTextFile(path, TEXT);
    {
      await using input = await openInput(memoryContext(), path, false);
      assertEquals([input.size, input.path, input.isPacked], [TEXT.length, path, false]);
      assertEquals(await textOf(input), TEXT);
      assertEquals(input.bytesRead, TEXT.length);
    }
    await using input = await openInput(memoryContext(), path, false);
    await input.skipTo(TEXT.length - 3);
    assertEquals(await textOf(input), "ne\n");
    await assertRejects(() => openInput(memoryContext(), path, true), CliError, "not packed");
  });
});

Deno.test(
  "a packed file is unpacked, from its middle too, and so are two of them",
  onDisk,
  async () => {
    await inDirectory(async (directory) => {
      const path = `${directory}/file`;
      const packed = new Uint8Array([...await gzip(TEXT), ...await gzip("end\n")]);
      await Deno.writeFile(path, packed);
      {
        await using input = await openInput(memoryContext(), path, false);
        assertEquals([input.size, input.isPacked], [packed.length, true]);
        assertEquals(await textOf(input), `${TEXT}end\n`);
        assertEquals(input.bytesRead, packed.length);
      }
      await using input = await openInput(memoryContext(), path, true);
      await input.skipTo(TEXT.length + 1);
      assertEquals(await textOf(input), "nd\n");
    });
  },
);

Deno.test("a packed file that is cut or damaged is told of", onDisk, async () => {
  await inDirectory(async (directory) => {
    const path = `${directory}/file`;
    const packed = await gzip(TEXT);
    const damaged = packed.slice();
    damaged[20]! ^= 0xff;
    for (
      const [data, why] of [[packed.subarray(0, -9), "it is cut"], [damaged, "it is"]] as const
    ) {
      await Deno.writeFile(path, data);
      await using input = await openInput(memoryContext(), path, false);
      await assertRejects(() => textOf(input), CliError, `Cannot unpack ${path}: ${why}`);
    }
  });
});

Deno.test("what is no file to read is told of", onDisk, async () => {
  await inDirectory(async (directory) => {
    const open = (path: string) => openInput(memoryContext(), path, false);
    await assertRejects(() => open(`${directory}/none`), CliError, "there is no such file");
    await assertRejects(() => open(directory), CliError, "it is a directory");
  });
});

Deno.test("a pipe is read, packed or not, whatever pieces it comes in", async () => {
  const packed = await gzip(TEXT);
  for (const data of [encoder.encode(TEXT), packed]) {
    const pieces = Array.from(data, (byte) => Uint8Array.of(byte));
    await using input = await openInput(pipeOf(...pieces), undefined, false);
    assertEquals([input.size, input.path, input.isPacked], [undefined, undefined, data === packed]);
    assertEquals(await textOf(input), TEXT);
  }
  await using empty = await openInput(pipeOf(), "-", false);
  assertEquals(await textOf(empty), "");
  await assertRejects(() => empty.skipTo(1), CliError, "it is a pipe");
});

Deno.test("a signal ends the wait for a pipe", async () => {
  const interrupt = new AbortController();
  const readable = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode("abc")),
  });
  const context = {
    ...memoryContext(),
    input: { isTerminal: false, readable },
    signal: interrupt.signal,
  };
  await using input = await openInput(context, undefined, false);
  const reading = textOf(input);
  interrupt.abort(new SignalError("SIGINT", 2));
  await assertRejects(() => reading, SignalError);
});
