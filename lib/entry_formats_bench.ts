import { fieldBytes, isPlainJson } from "./entry_formats.ts";

const text = new TextEncoder().encode("v".repeat(100));
const base64 = new TextEncoder().encode(text.toBase64());
const object = new TextEncoder().encode('{"name":"Rome","people":2800000}');

Deno.bench("a field of base64", () => void fieldBytes("value", base64, "base64"));
Deno.bench("is it JSON on one line?", () => void isPlainJson(object));
