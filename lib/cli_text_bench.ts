import { bar, clipped } from "./cli_text.ts";

const long = "a key that is longer than there is room for ".repeat(100);

Deno.bench("a long text, clipped", () => void clipped(long, 40));
Deno.bench("a bar", () => void bar(3, 7, 24));
