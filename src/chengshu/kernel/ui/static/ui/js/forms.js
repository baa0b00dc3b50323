// Forms: warn before unsaved input is lost, no double submit, drop zones, focus on the first error.
(() => {
  "use strict";
  let dirty = null;

  document.addEventListener("input", (event) => {
    dirty = event.target.closest("form[data-guard]") || dirty;
  });
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (event.target === dirty) dirty = null;
    const button = event.submitter;
    if (button?.dataset.busy) {
      // After this turn, or the button's own value would not be sent.
      setTimeout(() => {
        button.disabled = true;
        button.textContent = button.dataset.busy;
      });
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (dirty?.isConnected) event.preventDefault();
  });
  // Coming back with the browser's button must not leave a dead submit button behind.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });

  document.querySelector("[data-error-summary]")?.focus();

  // A field that belongs to a choice (data-with="name=value", or "name=this|that") shows once that choice is made.
  const chosen = (form, wanted) => {
    const [name, values] = wanted.split("=");
    return [...form.querySelectorAll(`[name="${name}"]`)].some(
      (input) => values.split("|").includes(input.value) && (input.checked || input.tagName === "SELECT"),
    );
  };
  const showChosen = (form) => {
    form.querySelectorAll("[data-with]").forEach((input) => {
      input.closest(".cs-field").hidden = !chosen(form, input.dataset.with);
    });
    form.querySelectorAll(".cs-form__section").forEach((section) => {
      const fields = [...section.querySelectorAll(".cs-field")];
      section.hidden = fields.length > 0 && fields.every((field) => field.hidden);
    });
  };
  document.querySelectorAll("form").forEach((form) => {
    if (form.querySelector("[data-with]")) showChosen(form);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form");
    if (form?.querySelector("[data-with]")) showChosen(form);
  });

  const name = (zone) => {
    const [file] = zone.querySelector("input[type=file]").files;
    if (!file) return;
    const size = file.size < 1048576 ? `${Math.ceil(file.size / 1024)} KB` : `${(file.size / 1048576).toFixed(1)} MB`;
    zone.querySelector("[data-drop-name]").textContent = `${file.name}（${size}）`;
  };
  document.addEventListener("click", (event) => {
    const zone = event.target.closest("[data-drop]");
    if (zone && event.target.type !== "file") zone.querySelector("input[type=file]").click();
  });
  document.addEventListener("change", (event) => {
    const zone = event.target.closest("[data-drop]");
    if (zone) name(zone);
  });
  for (const type of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      const zone = event.target.closest?.("[data-drop]");
      if (!zone) return;
      event.preventDefault();
      zone.classList.toggle("is-over", type === "dragover");
      if (type === "drop" && event.dataTransfer.files.length) {
        const input = zone.querySelector("input[type=file]");
        input.files = event.dataTransfer.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
      }
    });
  }
})();
