/**
 * **What.** The choice of colours, made before anything is drawn: "light" and "dark" are kept, and whoever has not
 * chosen follows the system. The reference has the same choice.
 *
 * **Invariants.**
 * 1. All colours depend on the CSS property `color-scheme` of the root element alone, figures included.
 * 2. A browser that keeps nothing (storage switched off) can be switched all the same.
 *
 * **Read next.** `site.js`
 */
(() => {
  const root = document.documentElement;
  let choice;
  try {
    choice = localStorage.getItem("theme");
  } catch {
    choice = null;
  }

  function apply() {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
    root.style.colorScheme = root.dataset.theme ?? "light dark";
    // The pages that `deno doc` makes have a class for it.
    const isDark = choice === "dark" ||
      (choice !== "light" &&
        matchMedia("(prefers-color-scheme: dark)").matches);
    root.classList.toggle("dark", isDark);
  }

  globalThis.varveTheme = {
    /** "light", "dark", or "system". */
    get: () => root.dataset.theme ?? "system",
    set(name) {
      choice = name === "system" ? null : name;
      try {
        if (choice === null) localStorage.removeItem("theme");
        else localStorage.setItem("theme", choice);
      } catch {
        // Kept for this page only.
      }
      apply();
    },
    /** The next one in the order system, dark, light. */
    turn() {
      const order = ["system", "dark", "light"];
      this.set(order[(order.indexOf(this.get()) + 1) % order.length]);
    },
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  apply();
})();
