import { assertEquals, assertThrows } from "@std/assert";
import { CliError } from "./cli_context.ts";
import { formatOf, namesOf } from "./cli_load_format.ts";

const options = { keyEncoding: "utf8", valueEncoding: "utf8" } as const;

Deno.test("formatOf() is what was said, or else what the name says", () => {
  assertEquals(formatOf("a.csv", { ...options, format: "tsv" }), "tsv");
  const names = ["a.ndjson", "a.JSONL.gz", "a.csv", "b.csv.tsv.GZ", "-", undefined];
  const formats = ["ndjson", "ndjson", "csv", "tsv", "ndjson", "ndjson"];
  assertEquals(names.map((name) => formatOf(name, options)), formats);
  for (const name of ["a", "a.txt", "a.gz", "csv"]) {
    assertThrows(() => formatOf(name, options), CliError, "--format");
  }
});

Deno.test("formatOf() refuses names of columns where there are none", () => {
  for (const header of [false, { key: "a", value: "b" }] as const) {
    assertThrows(() => formatOf("a.ndjson", { ...options, header }), CliError, "no columns");
    assertEquals(formatOf("a.csv", { ...options, header }), "csv");
  }
});

Deno.test("namesOf() is key and value unless something else is said", () => {
  assertEquals(namesOf(options), { key: "key", value: "value" });
  assertEquals(namesOf({ ...options, header: false }), undefined);
  const header = { key: "a", value: "b" };
  assertEquals(namesOf({ ...options, header }), header);
});
