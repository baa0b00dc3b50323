// 朗读: reads the page's main text with the browser's own voice; the button appears only where there is one.
(() => {
  "use strict";
  const button = document.querySelector("[data-read-aloud]");
  const voice = window.speechSynthesis;
  if (!button || !voice) return;
  const label = button.querySelector("[data-read-label]");
  const stop = () => {
    voice.cancel();
    label.textContent = "朗读";
    button.setAttribute("aria-pressed", "false");
  };
  button.hidden = false;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-pressed") === "true") {
      stop();
      return;
    }
    const speech = new SpeechSynthesisUtterance(document.getElementById("main").innerText);
    speech.lang = "zh-CN";
    speech.rate = 0.9;
    speech.onend = stop;
    speech.onerror = stop;
    voice.speak(speech);
    label.textContent = "停止";
    button.setAttribute("aria-pressed", "true");
  });
  window.addEventListener("pagehide", stop);
})();
