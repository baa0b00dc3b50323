// Runs before the first paint: says that scripts run, and follows the system's dark mode when asked to.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const choice = root.dataset.themeChoice;
    if (choice !== "fixed") {
      root.dataset.bsTheme = choice === "dark" || (choice === "auto" && dark.matches) ? "dark" : "light";
    }
  };
  apply();
  dark.addEventListener("change", apply);
  root.addEventListener("cs:theme", apply);
})();
