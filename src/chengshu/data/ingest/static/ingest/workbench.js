// Quarantine workbench: choose all of a page, filter at once.
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
})();
