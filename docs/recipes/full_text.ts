/**
 * **What.** A full-text index: all of some words, phrases, beginnings of words, the best first, with a part of the text
 * where they are. This indexes the texts of all licences that SPDX lists, and asks:
 * ```text
 * deno run --allow-read --allow-write docs/recipes/full_text.ts [DIRECTORY]
 * ```
 *
 * **Format.** Sublevels of one store. Words are in lower case; places count words from 0.
 * ```text
 * document  id          → { title, text, words }, as JSON; words is how many it has
 * posting   [word, id]  → where the word is in the document, as differences, in varints
 * word      word        → in how many documents it is
 * total     "documents" → how many there are; "words", how many words they have
 * ```
 *
 * **Invariants.**
 * 1. A document, its postings and all counts change in one batch.
 * 2. What is read to decide on a write is read without `await` before that write.
 * 3. A query reads without `await`, so that its answer is as of one moment.
 *
 * **Read next.** `full_text_test.ts`
 *
 * @module
 */
import { type Codec, json, number, open, type Store, tuple } from "@varve/varve";

/** What is searched. */
export interface Document {
  readonly title: string;
  readonly text: string;
}

/** A document that was found. */
export interface Hit {
  readonly id: string;
  readonly title: string;
  /** How well it fits; only to compare with others of the same answer. */
  readonly score: number;
  /** A part of its text, with [the words] in brackets. */
  readonly snippet: string;
}

/** What was found. */
export interface Answer {
  /** How many documents fit. */
  readonly count: number;
  /** The best of them, the best first. */
  readonly hits: readonly Hit[];
}

interface Stored extends Document {
  readonly words: number;
}

interface Word {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** A part of a query: words that follow one another, of which the last may be the beginning of one. */
interface Term {
  readonly words: readonly string[];
  readonly isPrefix: boolean;
}

/** A word longer than this is cut: a key is not to be of any length. */
const WORD_MAX = 64;
/** A beginning stands for at most so many words. */
const PREFIX_WORDS_MAX = 200;

// #region words
/** The words of a text: letters and digits of any script, with apostrophes inside. Accents do not matter. */
export function* wordsOf(text: string): Generator<Word> {
  for (const match of text.matchAll(/[\p{L}\p{N}\p{M}]+(?:['’][\p{L}\p{M}]+)*/gu)) {
    const [word] = match;
    const plain = word.normalize("NFKD").replace(/\p{M}/gu, "").replaceAll("’", "'").toLowerCase();
    yield {
      word: [...plain].slice(0, WORD_MAX).join(""),
      start: match.index,
      end: match.index + word.length,
    };
  }
}
// #endregion

// #region places
/** Places in ascending order, each as the difference from the one before, seven bits to a byte. */
const places: Codec<readonly number[]> = {
  ordered: false,
  encode(value) {
    const bytes: number[] = [];
    let before = 0;
    for (const place of value) {
      let rest = place - before;
      for (; rest >= 128; rest >>>= 7) bytes.push(rest & 127 | 128);
      bytes.push(rest);
      before = place;
    }
    return Uint8Array.from(bytes);
  },
  decode(bytes) {
    const value: number[] = [];
    let place = 0, shift = 0;
    for (const byte of bytes) {
      place += (byte & 127) << shift;
      shift = byte < 128 ? 0 : shift + 7;
      if (shift === 0) value.push(place);
    }
    return value;
  },
};
// #endregion

/** A full-text index in a store. */
export class FullText {
  readonly #store: Store<string, string>;
  readonly #documents: Store<string, Stored>;
  readonly #postings: Store<[word: string, id: string], readonly number[]>;
  readonly #words: Store<string, number>;
  readonly #total: Store<string, number>;

  /**
   * Makes the index of a store.
   *
   * @param store The database, or a sublevel of it.
   */
  constructor(store: Store<string, string>) {
    this.#store = store;
    this.#documents = store.sublevel("document", { value: json<Stored>() });
    this.#postings = store.sublevel("posting", { key: tuple<[string, string]>(), value: places });
    this.#words = store.sublevel("word", { value: number });
    this.#total = store.sublevel("total", { value: number });
  }

  // #region add
  /**
   * Adds documents, or replaces those of the same ids, all or none. Some hundred at a time are quicker than one.
   *
   * @param documents The documents by id; `undefined` removes one. They are on disk when the promise resolves.
   */
  async put(documents: ReadonlyMap<string, Document | undefined>): Promise<void> {
    const batch = this.#store.batch();
    const changes = new Map<string, number>();
    const change = (word: string, by: number) => changes.set(word, (changes.get(word) ?? 0) + by);
    let documentsMore = 0, wordsMore = 0;
    for (const [id, document] of documents) {
      const before = this.#documents.getSync(id);
      if (before !== undefined) {
        for (const word of placesOf(before.text).keys()) {
          change(word, -1);
          batch.on(this.#postings).delete([word, id]);
        }
        documentsMore--;
        wordsMore -= before.words;
        batch.on(this.#documents).delete(id);
      }
      if (document === undefined) continue;
      const found = placesOf(document.text);
      let words = 0;
      for (const [word, at] of found) {
        change(word, 1);
        words += at.length;
        batch.on(this.#postings).put([word, id], at);
      }
      documentsMore++;
      wordsMore += words;
      batch.on(this.#documents).put(id, { ...document, words });
    }
    for (const [word, by] of changes) {
      const count = (this.#words.getSync(word) ?? 0) + by;
      if (count === 0) batch.on(this.#words).delete(word);
      else if (by !== 0) batch.on(this.#words).put(word, count);
    }
    batch.on(this.#total).put("documents", this.#count("documents") + documentsMore);
    batch.on(this.#total).put("words", this.#count("words") + wordsMore);
    batch.commitSync({ sync: false }); // at once: the next one counts on from here
    await this.#documents.delete(""); // no id: on disk when this is, in a sync that others share
  }
  // #endregion

  /** How many documents, words and different words there are. */
  counts(): { documents: number; words: number; terms: number } {
    const terms = this.#words.keysSync({ fillPool: false }).reduce((sum) => sum + 1, 0);
    return { documents: this.#count("documents"), words: this.#count("words"), terms };
  }

  #count(what: "documents" | "words"): number {
    return this.#total.getSync(what) ?? 0;
  }

  // #region find
  /**
   * Finds the documents that have all parts of a query.
   *
   * @param query Words, `"phrases in quotes"`, and beginnings of words with a star: `licen*`.
   * @param limit How many are shown.
   * @returns The best, and how many there are.
   */
  find(query: string, limit = 10): Answer {
    const terms = parse(query);
    if (terms.length === 0) return { count: 0, hits: [] };
    // The rarest first: its postings are walked, and those of the others only looked up.
    const byRarity = terms.map((term) => ({ term, least: this.#leastOf(term) }))
      .sort((a, b) => a.least - b.least).map(({ term }) => term);
    let candidates: string[] | undefined;
    const found: Map<string, number>[] = [];
    for (const term of byRarity) {
      const counts = this.#match(term, candidates);
      candidates = [...counts.keys()];
      found.push(counts);
    }
    const scored = candidates!.map((id) => ({ id, score: this.#score(id, found) }));
    scored.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
    const hits = scored.slice(0, limit).map(({ id, score }) => {
      const { title, text } = this.#documents.getSync(id)!;
      return { id, title, score, snippet: snippetOf(text, terms) };
    });
    return { count: scored.length, hits };
  }
  // #endregion

  /** In how many documents a term is at most. */
  #leastOf({ words, isPrefix }: Term): number {
    const counts = words.map((word, i) =>
      isPrefix && i === words.length - 1
        ? this.#expand(word).reduce((sum, it) => sum + (this.#words.getSync(it) ?? 0), 0)
        : this.#words.getSync(word) ?? 0
    );
    return Math.min(...counts);
  }

  #expand(prefix: string): string[] {
    return [...this.#words.keysSync({ prefix, limit: PREFIX_WORDS_MAX })];
  }

  // #region match
  /** How often a term is in each document that has it: in all of them, or in candidates. */
  #match({ words, isPrefix }: Term, candidates?: readonly string[]): Map<string, number> {
    const forms = words.map((word, i) =>
      isPrefix && i === words.length - 1 ? this.#expand(word) : [word]
    );
    const ids = candidates ??
      new Set(
        forms[0]!.flatMap((word) =>
          [...this.#postings.keysSync({ prefix: [word] as unknown as [string, string] })]
            .map(([, id]) => id)
        ),
      );
    const counts = new Map<string, number>();
    for (const id of ids) {
      // Where the phrase could begin, by each of its words: a place that all of them name is one.
      let starts: Set<number> | undefined;
      for (const [i, alternatives] of forms.entries()) {
        const here = this.#postings.getManySync(alternatives.map((word) => [word, id]))
          .flatMap((at) => at ?? []).map((place) => place - i);
        const before: Set<number> | undefined = starts;
        starts = new Set(before === undefined ? here : here.filter((it) => before.has(it)));
        if (starts.size === 0) break;
      }
      if (starts!.size > 0) counts.set(id, starts!.size);
    }
    return counts;
  }
  // #endregion

  // #region score
  /** BM25: a rare term counts for more than a common one, and ten times in a short text for more than in a long one. */
  #score(id: string, found: readonly ReadonlyMap<string, number>[]): number {
    const K1 = 1.2, B = 0.75;
    const documents = this.#count("documents");
    const average = this.#count("words") / documents;
    const relative = this.#documents.getSync(id)!.words / average;
    return found.reduce((sum, counts) => {
      const rarity = Math.log(1 + (documents - counts.size + 0.5) / (counts.size + 0.5));
      const count = counts.get(id)!;
      return sum + rarity * count * (K1 + 1) / (count + K1 * (1 - B + B * relative));
    }, 0);
  }
  // #endregion
}

/** The places of each word of a text. */
function placesOf(text: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  let place = 0;
  for (const { word } of wordsOf(text)) {
    const at = found.get(word);
    if (at === undefined) found.set(word, [place]);
    else at.push(place);
    place++;
  }
  return found;
}

/** The parts of a query. */
function parse(query: string): Term[] {
  return [...query.matchAll(/"([^"]*)"?|[^\s"]+/g)].map(([part, phrase]) => {
    const text = phrase ?? part;
    return {
      words: [...wordsOf(text)].map(({ word }) => word),
      isPrefix: text.trimEnd().endsWith("*"),
    };
  }).filter(({ words }) => words.length > 0);
}

/** The words of a text around the place where most of the query is near. */
function snippetOf(text: string, terms: readonly Term[]): string {
  const WORDS = 16;
  const all = [...wordsOf(text)];
  const wanted = (word: string) =>
    terms.some(({ words, isPrefix }) =>
      words.some((it, i) => isPrefix && i === words.length - 1 ? word.startsWith(it) : word === it)
    );
  const marked = all.map(({ word }) => wanted(word));
  let best = 0, bestCount = -1;
  for (let i = 0; i < all.length; i++) {
    if (!marked[i]) continue;
    const near = new Set(
      all.slice(i, i + WORDS / 2).filter((_, j) => marked[i + j]).map((it) => it.word),
    );
    if (near.size > bestCount) [best, bestCount] = [i, near.size];
  }
  const from = Math.max(0, best - WORDS / 4);
  const shown = all.slice(from, from + WORDS);
  let snippet = "";
  shown.forEach(({ start, end }, i) => {
    const between = i === 0 ? "" : text.slice(shown[i - 1]!.end, start);
    const word = text.slice(start, end);
    snippet += between.replace(/\s+/g, " ") + (marked[from + i] ? `[${word}]` : word);
  });
  return snippet;
}

/** The texts of licences, from the npm package spdx-license-list (CC0). */
export async function licences(): Promise<Map<string, Document>> {
  const { default: full } = await import("spdx-license-list/full.js");
  const all = full as Readonly<Record<string, { name: string; licenseText: string }>>;
  return new Map(
    Object.entries(all).map(([id, it]) => [id, { title: it.name, text: it.licenseText }]),
  );
}

/**
 * Shows it at work.
 *
 * @param directory Where the database is.
 * @param print Told what happens.
 */
export async function demo(
  directory: string,
  print: (line: string) => void = console.log,
): Promise<void> {
  await using db = await open(directory, { memtableBytes: 32 * 1024 * 1024 });
  const index = new FullText(db);
  const documents = [...await licences()];
  const start = performance.now();
  for (let i = 0; i < documents.length; i += 100) {
    await index.put(new Map(documents.slice(i, i + 100)));
  }
  const counts = index.counts();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  print(
    `${counts.documents} documents, ${counts.words} words, ${counts.terms} different: ${seconds} s`,
  );
  const queries = [
    "patent litigation terminate",
    '"without fee"',
    '"good not evil"',
    "franc* copyleft",
    "beer*",
  ];
  for (const query of queries) {
    const before = performance.now();
    const { count, hits } = index.find(query, 3);
    print(`\n${query}  →  ${count} in ${(performance.now() - before).toFixed(1)} ms`);
    for (const { id, score, snippet } of hits) print(`  ${score.toFixed(1)} ${id}: ${snippet}`);
  }
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "varve_full_text_" });
  await demo(directory);
  if (Deno.args.length === 0) await Deno.remove(directory, { recursive: true });
}
