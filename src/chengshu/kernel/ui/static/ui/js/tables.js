// Selection of rows for bulk actions, as an Alpine component (CSP build: no expressions in attributes).
document.addEventListener("alpine:init", () => {
  "use strict";
  window.Alpine.data("selection", () => ({
    count: 0,
    get any() {
      return this.count > 0;
    },
    boxes() {
      return [...this.$root.querySelectorAll("input[name=selected]")];
    },
    refresh() {
      const boxes = this.boxes();
      this.count = boxes.filter((box) => box.checked).length;
      boxes.forEach((box) => box.closest("tr").classList.toggle("is-selected", box.checked));
      this.$refs.all.checked = this.count === boxes.length && this.count > 0;
      this.$refs.all.indeterminate = this.count > 0 && this.count < boxes.length;
    },
    toggleAll() {
      const checked = this.$refs.all.checked;
      this.boxes().forEach((box) => { box.checked = checked; });
      this.refresh();
    },
    clear() {
      this.boxes().forEach((box) => { box.checked = false; });
      this.refresh();
    },
  }));
});

// The chosen filters stay marked while only the results are exchanged.
document.addEventListener("change", (event) => {
  if (event.target.matches(".cs-filter select")) {
    event.target.classList.toggle("is-set", event.target.value !== "");
  }
});

// Leaving the search box fires "change" for words that were already searched while typing; asked again, the
// late answer would overwrite what was clicked meanwhile.
document.addEventListener("change", (event) => {
  if (event.target.matches(".cs-filter input[type=search]")) event.stopPropagation();
}, true);

// Addresses carry only the conditions that are set.
document.addEventListener("htmx:configRequest", (event) => {
  const { parameters, elt } = event.detail;
  if (!elt.matches(".cs-filter")) return;
  for (const key of [...Object.keys(parameters)]) {
    if (parameters[key] === "") delete parameters[key];
  }
});

// The keyboard in a list: J and K move from row to row, Enter opens, X selects, N and P turn the page.
document.addEventListener("keydown", (event) => {
  "use strict";
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open]")) return;
  const list = document.querySelector(".cs-tableview .cs-toolbar")?.closest(".cs-tableview");
  if (!list) return;
  const key = event.key.toLowerCase();
  if (key === "n" || key === "p") {
    list.querySelector(`.cs-pager a[rel=${key === "n" ? "next" : "prev"}]`)?.click();
    return;
  }
  const rows = [...list.querySelectorAll(".cs-table > tbody > tr")];
  const now = rows.indexOf(event.target.closest("tr"));
  if (key === "x" && now >= 0) {
    rows[now].querySelector("input[name=selected]")?.click();
  } else if (key === "j" || key === "k") {
    const next = key === "j" ? now + 1 : Math.max(now - 1, 0);
    const row = rows[Math.min(next, rows.length - 1)];
    const link = row?.querySelector("td a[href]") || row?.querySelector("input[name=selected]");
    if (!link) return;
    event.preventDefault();
    link.focus();
    link.scrollIntoView({ block: "nearest" });
  }
});
