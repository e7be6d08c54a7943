/**
 * **What.** Takes the place of the script by which the pages of `deno doc` switch their colours, so that these pages and
 * the chapters have one choice, and a reader who has made none goes on following the system.
 *
 * **Invariants.**
 * 1. The button's two pictures, moon and sun, show what it switches to.
 *
 * **Read next.** `theme.js`
 */
addEventListener("load", () => {
  const button = document.getElementById("theme-toggle");
  const root = document.documentElement;
  button.removeAttribute("style");
  const show = () => {
    const isDark = root.classList.contains("dark");
    button.children[0].classList.toggle("hidden", isDark);
    button.children[1].classList.toggle("hidden", !isDark);
  };
  new MutationObserver(show).observe(root, { attributeFilter: ["class"] });
  button.addEventListener("click", () => {
    varveTheme.set(root.classList.contains("dark") ? "light" : "dark");
  });
  show();
});
