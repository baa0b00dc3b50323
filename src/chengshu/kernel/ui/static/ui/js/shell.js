// The frame of every page: preferences, navigation, "/" to search, menus, notices, confirmation, copying.
(() => {
  "use strict";
  const root = document.documentElement;
  const YEAR = 365 * 86400;

  const remember = (key, value) => {
    document.cookie = `cs_${key}=${value};path=/;max-age=${YEAR};samesite=lax`;
  };

  // Preferences work as plain forms; here they take effect without leaving the page.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-preference]") || !event.submitter) return;
    const key = form.dataset.preference;
    const value = event.submitter.value;
    if (key !== "theme") return; // the type size changes words on the page too: let the server answer
    event.preventDefault();
    remember(key, value);
    root.dataset.themeChoice = value;
    root.dispatchEvent(new Event("cs:theme"));
    document.dispatchEvent(new Event("cs:repaint"));
    form.closest("details")?.removeAttribute("open");
  });

  // Navigation: fold on desktop, drawer on narrow windows, remembered groups.
  const nav = document.getElementById("nav");
  const shade = document.createElement("button");
  shade.className = "cs-nav-shade";
  shade.type = "button";
  shade.setAttribute("aria-label", "关闭导航");
  const closeDrawer = () => {
    nav?.classList.remove("is-open");
    shade.remove();
  };
  shade.addEventListener("click", closeDrawer);

  const nameFold = () => {
    const word = nav?.querySelector("[data-nav-word]");
    if (word) word.textContent = root.dataset.nav === "folded" ? "展开导航" : "收起导航";
  };
  nameFold();

  const closedGroups = () => {
    try {
      return new Set(JSON.parse(localStorage.getItem("cs_nav_closed") || "[]"));
    } catch {
      return new Set(); // unreadable storage counts as nothing closed
    }
  };
  nav?.querySelectorAll("details[data-group]").forEach((group) => {
    if (closedGroups().has(group.dataset.group) && !("active" in group.dataset)) group.open = false;
    group.addEventListener("toggle", () => {
      const closed = closedGroups();
      closed[group.open ? "delete" : "add"](group.dataset.group);
      localStorage.setItem("cs_nav_closed", JSON.stringify([...closed]));
    });
  });

  const openedSections = () => {
    try {
      return new Set(JSON.parse(localStorage.getItem("cs_nav_opened") || "[]"));
    } catch {
      return new Set(); // unreadable storage counts as nothing opened
    }
  };
  const sections = [...(nav?.querySelectorAll("details[data-section]") || [])];
  // Folded to icons there is no word to unfold a section by: all of them stand open, and nothing is remembered.
  const showSections = () => {
    const opened = openedSections();
    for (const section of sections) {
      section.open = root.dataset.nav === "folded" || section.open || opened.has(section.dataset.section);
    }
  };
  showSections();
  for (const section of sections) {
    section.querySelector("summary").addEventListener("click", () => {
      const opened = openedSections();
      opened[section.open ? "delete" : "add"](section.dataset.section);
      localStorage.setItem("cs_nav_opened", JSON.stringify([...opened]));
    });
  }

  const dismiss = (button) => button.closest("[data-dismissible]")?.remove();

  const copy = async (button) => {
    const source = button.closest(".cs-code")?.querySelector("[data-copy-source]");
    const label = button.querySelector("[data-copy-label]");
    let word = "已复制";
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      window.getSelection().selectAllChildren(source);
      word = "已选中，请按 Ctrl+C";
    }
    label.textContent = word;
    setTimeout(() => { label.textContent = "复制"; }, 2000);
  };

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    if (at("[data-nav-fold]")) {
      root.dataset.nav = root.dataset.nav === "folded" ? "open" : "folded";
      remember("nav", root.dataset.nav);
      nameFold();
      showSections();
      document.dispatchEvent(new Event("cs:resize"));
    } else if (at("[data-nav-open]")) {
      event.preventDefault();
      nav.classList.add("is-open");
      nav.after(shade);
      nav.querySelector("a")?.focus();
    } else if (at("[data-dismiss]")) {
      dismiss(at("[data-dismiss]"));
    } else if (at("[data-copy]")) {
      copy(at("[data-copy]"));
    }
    document.querySelectorAll("details.cs-menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      closeDrawer();
      const menu = document.querySelector("details.cs-menu[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const box = document.querySelector("[data-slash]");
      if (box) {
        event.preventDefault();
        box.focus();
        box.select();
      }
    }
  });

  // One dialog asks before anything that cannot be taken back.
  const dialog = document.getElementById("confirm");
  const ask = (text, verb, then) => {
    dialog.querySelector("[data-confirm-text]").textContent = text;
    dialog.querySelector("[data-confirm-yes]").textContent = verb || "继续";
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => dialog.returnValue === "yes" && then(), { once: true });
    dialog.showModal();
  };
  const confirmed = new WeakSet();
  document.addEventListener("submit", (event) => {
    const asked = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (!asked || confirmed.has(event.target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { target, submitter } = event;
    ask(asked, submitter?.textContent.trim(), () => {
      confirmed.add(target);
      target.requestSubmit(submitter);
      confirmed.delete(target);
    });
  }, true);
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    ask(event.detail.question, "", () => event.detail.issueRequest(true));
  });

  // A failed background request shows the server's explanation instead of vanishing.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status < 400) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    event.detail.target = document.getElementById("toasts");
    event.detail.swapOverride = "beforeend";
    event.detail.selectOverride = ".cs-note--red, .cs-fault";
  });
  document.addEventListener("htmx:sendError", () => {
    const text = document.createElement("div");
    text.className = "cs-note cs-note--amber";
    text.textContent = "网络不通，刚才的操作没有送达，页面内容都还在。请检查网络后重试。";
    document.getElementById("toasts").replaceChildren(text);
  });
})();
