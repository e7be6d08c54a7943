/**
 * **What.** What a page does beyond being read: the menu on a phone, the switch of colours, copying code, search.
 *
 * **Invariants.**
 * 1. Nothing is asked of another host. The index of the search is a script, since a page that is opened from a disk
 *    may not fetch anything else; it is loaded when the search is first used.
 * 2. What only works with scripts is hidden until this runs.
 *
 * **Read next.** `theme.js`
 */
(() => {
  const rootPath = document.documentElement.dataset.root;
  const byId = (id) => document.getElementById(id);

  function startMenu() {
    const menu = byId("menu");
    menu.hidden = false;
    const show = (isOpen) => {
      menu.setAttribute("aria-expanded", String(isOpen));
      document.body.classList.toggle("menu-open", isOpen);
    };
    document.body.classList.add("with-menu");
    menu.addEventListener(
      "click",
      () => show(menu.getAttribute("aria-expanded") !== "true"),
    );
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") show(false);
    });
    const current = document.querySelector("nav.chapters [aria-current]");
    const list = byId("chapters");
    if (current) list.scrollTop = current.offsetTop - list.clientHeight / 2;
  }

  function startTheme() {
    const button = byId("theme");
    const label = () => {
      button.textContent = { system: "Auto", dark: "Dark", light: "Light" }[varveTheme.get()];
      button.title = "Colours: as the system has them, dark, or light";
      button.setAttribute("aria-label", `Colours: ${button.textContent}`);
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      varveTheme.turn();
      label();
    });
    label();
  }

  function startCopying() {
    for (const button of document.querySelectorAll("button.copy")) {
      button.hidden = false;
      const code = button.parentElement.querySelector("code");
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(code.textContent);
          button.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(code);
          button.textContent = "Selected";
        }
        setTimeout(() => button.textContent = "Copy", 2000);
      });
    }
  }

  /** On a narrow page the outline stands above the text, and folded it is less in the way. */
  function foldOutline() {
    const outline = document.querySelector("nav.outline details");
    const isNarrow = matchMedia("(max-width: 78rem)");
    const fold = () => outline.open = !isNarrow.matches;
    if (outline) {
      fold();
      isNarrow.addEventListener("change", fold);
    }
  }

  let loading;
  function loadIndex() {
    const load = (name) =>
      new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `${rootPath}assets/${name}`;
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${name} cannot be loaded`));
        document.head.append(script);
      });
    loading ??= Promise.all([load("minisearch.js"), load("search_index.js")])
      .then(() => {
        const index = new MiniSearch({
          fields: ["title", "page", "body"],
          storeFields: ["url", "title", "page", "body"],
          // Words as they are written in code, too: sequence_number is found by "number".
          tokenize: (text) => text.match(/[\p{L}\p{N}]+/gu) ?? [],
          searchOptions: {
            boost: { title: 4, page: 2 },
            // Prose before code. The first page of the repository is among the sources, and is prose.
            boostDocument: (_id, _term, { url }) => /\.ts\.html(#|$)/.test(url) ? 0.4 : 1,
            combineWith: "AND",
            prefix: (term) => term.length > 2,
            fuzzy: (term) => term.length > 5 ? 0.15 : false,
          },
        });
        index.addAll(globalThis.varveSearchIndex);
        return index;
      });
    return loading;
  }

  /** Some words around the first one that was found. */
  function excerptOf({ body, terms }) {
    const text = body.replace(/\s+/g, " ").trim();
    const lower = text.toLowerCase();
    const places = terms.map((term) => lower.indexOf(term)).filter((place) => place >= 0);
    const at = places.length > 0 ? Math.min(...places) : 0;
    const start = at > 60 ? text.indexOf(" ", at - 60) + 1 : 0;
    const end = start + 160 < text.length ? text.lastIndexOf(" ", start + 160) : text.length;
    return (start > 0 ? "… " : "") + text.slice(start, end) +
      (end < text.length ? " …" : "");
  }

  function resultItem(result) {
    const item = document.createElement("li");
    const anchor = document.createElement("a");
    anchor.href = rootPath + result.url;
    const title = document.createElement("strong");
    title.textContent = result.title;
    const where = document.createElement("span");
    where.textContent = result.page === result.title ? "" : result.page;
    const excerpt = document.createElement("small");
    excerpt.textContent = excerptOf(result);
    anchor.append(title, " ", where, excerpt);
    item.append(anchor);
    return item;
  }

  function startSearch() {
    const input = byId("search");
    const results = byId("results");
    input.parentElement.hidden = false;
    const show = async () => {
      const query = input.value.trim();
      if (query === "") return results.hidden = true;
      const index = await loadIndex();
      if (query !== input.value.trim()) return;
      const found = index.search(query).slice(0, 20);
      const list = document.createElement("ol");
      list.append(...found.map(resultItem));
      results.replaceChildren(
        found.length > 0 ? list : `Nothing has “${query}”.`,
      );
      results.dataset.query = query;
      results.hidden = false;
    };
    input.addEventListener("input", show);
    input.addEventListener("focus", show);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") results.querySelector("a")?.click();
    });
    document.addEventListener("keydown", (event) => {
      const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(
        document.activeElement?.tagName,
      );
      if (event.key === "Escape") results.hidden = true;
      if (event.key === "/" && !isTyping) {
        event.preventDefault();
        input.focus();
      }
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (
        step && !results.hidden &&
        input.parentElement.contains(document.activeElement)
      ) {
        event.preventDefault();
        const stops = [input, ...results.querySelectorAll("a")];
        stops[stops.indexOf(document.activeElement) + step]?.focus();
      }
    });
    document.addEventListener("click", (event) => {
      if (!input.parentElement.contains(event.target)) results.hidden = true;
    });
  }

  startMenu();
  startTheme();
  startCopying();
  foldOutline();
  startSearch();
})();
