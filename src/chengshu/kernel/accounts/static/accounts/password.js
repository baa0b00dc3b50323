// Show-password buttons, live password rules, and filling in a demo account. The server checks everything again.
"use strict";

function addToggle(input) {
  const box = document.createElement("div");
  box.className = "cs-secret";
  input.replaceWith(box);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "cs-secret__toggle";
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "隐藏" : "显示";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.setAttribute("aria-label", input.dataset.passwordToggle);
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  show(false);
  box.append(input, button);
}

function met(list, value) {
  const classes = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((c) => c.test(value)).length;
  const lower = value.toLowerCase();
  const personal = list.dataset.personal.toLowerCase().split(" ").filter(Boolean);
  return {
    length: value.length >= Number(list.dataset.length),
    classes: classes >= Number(list.dataset.classes),
    personal: value !== "" && !personal.some((part) => lower.includes(part)),
  };
}

for (const input of document.querySelectorAll("[data-password-toggle]")) {
  addToggle(input);
}

for (const input of document.querySelectorAll("[data-password-rules]")) {
  const list = document.getElementById(input.dataset.passwordRules);
  const update = () => {
    const state = met(list, input.value);
    for (const item of list.querySelectorAll("[data-rule]")) {
      item.classList.toggle("is-met", state[item.dataset.rule]);
    }
  };
  input.addEventListener("input", update);
  update();
}

for (const button of document.querySelectorAll("[data-fill-username]")) {
  button.addEventListener("click", () => {
    document.getElementById("id_username").value = button.dataset.fillUsername;
    document.getElementById("id_password").value = button.dataset.fillPassword;
    document.querySelector("form.cs-form button.btn-primary").focus();
  });
}
