/**
 * What keys as text cost.
 *
 * @module
 */
import { kvKeyOfText, kvKeyText } from "./kv_copy_text.ts";

const key = ["users", 421, "name"];
const text = kvKeyText(key);

Deno.bench("key to text", () => void kvKeyText(key));
Deno.bench("text to key", () => void kvKeyOfText(text));
