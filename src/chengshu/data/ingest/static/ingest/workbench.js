// Quarantine workbench: choose all of a page, filter at once, keep the number of rows to replay true.
(() => {
  "use strict";
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-all]")) {
      document.querySelectorAll("input[name=row][form=return-form]").forEach((box) => {
        box.checked = event.target.checked;
      });
    }
    event.target.closest("form[data-autosubmit]")?.requestSubmit();
  });

  const count = document.querySelector("[data-replay-count]");
  let before = false;
  document.addEventListener("htmx:beforeSwap", (event) => {
    before = event.detail.target.classList?.contains("is-corrected") ?? false;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const row = document.getElementById(event.detail.target.id);
    if (!count || !row?.classList.contains("is-corrected") || before) return;
    count.textContent = (Number(count.textContent.replaceAll(",", "")) + 1).toLocaleString("zh-CN");
    document.querySelector("[data-replay]").disabled = false;
  });
})();
