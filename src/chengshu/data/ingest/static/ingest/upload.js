// Upload with progress; without JavaScript the same form posts plainly. Refuses what is too large before sending it.
(() => {
  "use strict";
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const box = form.querySelector("[data-upload-progress]");
  const bar = box.querySelector("progress");
  const text = box.querySelector("[data-upload-text]");
  const button = form.querySelector("button[type=submit]");
  const refusal = document.getElementById("upload-refusal");
  const megabytes = (bytes) => `${(bytes / 1048576).toFixed(1)} MB`;

  const say = (words) => {
    const note = document.createElement("div");
    note.className = "cs-note cs-note--red";
    note.setAttribute("role", "alert");
    note.textContent = words;
    refusal.replaceChildren(note);
  };
  const ready = () => {
    box.hidden = true;
    button.disabled = false;
  };

  form.addEventListener("submit", (event) => {
    const [file] = form.querySelector("input[type=file]").files;
    if (!file) return;
    event.preventDefault();
    refusal.replaceChildren();
    const most = Number(form.dataset.max);
    if (file.size > most) {
      say(`文件有 ${megabytes(file.size)}，超过上限 ${megabytes(most)}，没有上传。请按年份或社区拆分后分次上传，或改用数据库直连。`);
      return;
    }
    box.hidden = false;
    button.disabled = true;
    const started = Date.now();
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.upload.addEventListener("progress", (step) => {
      if (!step.lengthComputable) return;
      bar.value = (step.loaded * 100) / step.total;
      const rate = step.loaded / Math.max(0.001, (Date.now() - started) / 1000);
      const left = Math.ceil((step.total - step.loaded) / rate);
      text.textContent = step.loaded < step.total
        ? `已上传 ${megabytes(step.loaded)} / ${megabytes(step.total)}，每秒 ${megabytes(rate)}，还需约 ${left} 秒`
        : "已传完，正在识别编码和表头…";
    });
    request.addEventListener("load", () => {
      if (request.status < 400) {
        window.location.assign(request.responseURL);
        return;
      }
      ready();
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const notes = page.querySelector("#upload-refusal .cs-note, .cs-error");
      if (notes) refusal.replaceChildren(document.importNode(notes, true));
      else say("上传没有完成，没有保存任何内容。请重试；文件很大时请拆分后上传。");
      refusal.scrollIntoView({ block: "center" });
    });
    request.addEventListener("error", () => {
      ready();
      say("网络中断，上传没有完成，没有保存任何内容。请检查网络后重试。");
    });
    request.send(new FormData(form));
  });
})();
