import { fromTyped, jsonMember, toPrinted } from "./cli_entries.ts";

const text = new TextEncoder().encode("2.8 million people, and a few more every year");
const binary = crypto.getRandomValues(new Uint8Array(45));

Deno.bench("a text that is typed", () => void fromTyped("city:Rome", "utf8", "key"));
Deno.bench(
  "a text, printed",
  { group: "printed", baseline: true },
  () => void toPrinted(text, "utf8"),
);
Deno.bench("bytes, printed", { group: "printed" }, () => void toPrinted(binary, "utf8"));
Deno.bench(
  "a text as JSON",
  { group: "JSON", baseline: true },
  () => void jsonMember("value", text, "utf8"),
);
Deno.bench("bytes as JSON", { group: "JSON" }, () => void jsonMember("value", binary, "utf8"));
