"use strict";
// Pages of pictures work without this file. With it pictures are dropped, each gets its words before it is sent, they are
// sent one after the other, the focal point is a click, the order is a drag, and what is being made shows by itself.

const EVERY = 2500;

function dropped(zone) {
  const input = zone.querySelector("input[type=file]");
  const over = (is) => zone.toggleAttribute("data-over", is);
  zone.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    over(true);
  });
  zone.addEventListener("dragleave", (event) => { if (!zone.contains(event.relatedTarget)) over(false); });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    const pictures = new DataTransfer();
    for (const file of event.dataTransfer.files) if (file.type.startsWith("image/")) pictures.items.add(file);
    if (!pictures.items.length) return;
    input.files = input.multiple ? pictures.files : first(pictures.files);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

function first(files) {
  const one = new DataTransfer();
  one.items.add(files[0]);
  return one.files;
}

// What a refusal says, out of the page that it comes with; nothing when it was taken.
async function send(action, form) {
  let answer;
  try {
    answer = await fetch(action, { method: "POST", body: form, redirect: "manual" });
  } catch {
    return "It could not be sent. Is there a connection?";
  }
  if (answer.type === "opaqueredirect") return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector("[data-problem] p")?.textContent ?? `It was refused (${answer.status}).`;
}

async function draw(canvas, file) {
  try {
    const picture = await createImageBitmap(file);
    const side = Math.min(picture.width, picture.height);
    const [left, top] = [(picture.width - side) / 2, (picture.height - side) / 2];
    canvas.getContext("2d").drawImage(picture, left, top, side, side, 0, 0, canvas.width, canvas.height);
    picture.close();
  } catch { /* The server says what is wrong with it. */ }
}

function bringing(form) {
  const input = form.querySelector("input[type=file]");
  const rows = form.querySelector("[data-rows]");
  const template = form.querySelector("[data-row]");
  const forAll = form.querySelector("[data-for-all]");
  const said = form.querySelector("[data-said]");
  const button = form.querySelector("button");
  let waiting = [];

  input.addEventListener("change", () => {
    waiting = [...input.files].map((file) => {
      const row = template.content.cloneNode(true).firstElementChild;
      row.querySelector("[data-name]").textContent = file.name;
      draw(row.querySelector("canvas"), file);
      return { file, row };
    });
    rows.replaceChildren(...waiting.map(({ row }) => row));
    rows.hidden = !waiting.length;
    forAll.hidden = Boolean(waiting.length);
    forAll.querySelector("input").required = !waiting.length;
    rows.querySelector("input")?.focus();
  });

  form.addEventListener("submit", async (event) => {
    if (!waiting.length) return;
    event.preventDefault();
    button.disabled = true;
    const all = waiting.length;
    const left = [];
    for (const [place, one] of waiting.entries()) {
      said.textContent = `Sending ${place + 1} of ${all}`;
      const body = new FormData();
      body.append("pictures", one.file);
      body.append("alt", one.row.querySelector("input").value);
      if (form.elements.variant_id) body.append("variant_id", form.elements.variant_id.value);
      const largest = Number(form.dataset.largest);
      const wrong = one.file.size > largest ? `It is larger than ${largest / 1048576} MB.` : await send(form.action, body);
      if (wrong === null) {
        one.row.remove();
      } else {
        const fault = one.row.querySelector("[data-fault]");
        fault.textContent = wrong;
        fault.hidden = false;
        left.push(one);
      }
    }
    if (!left.length) {
      location.assign(form.action.replace(/\/uploads$/, ""));
      return;
    }
    waiting = left;
    button.disabled = false;
    said.textContent = `${all - left.length} of ${all} are there.`;
  });
}

// Frames are sent one by one too: a set is larger than what one request may be.
function framing(form) {
  const input = form.querySelector("input[type=file]");
  const said = form.querySelector("[data-said]");
  form.addEventListener("submit", async (event) => {
    const files = [...input.files];
    if (files.length < 2) return;
    event.preventDefault();
    form.querySelector("button").disabled = true;
    for (const [place, file] of files.entries()) {
      said.textContent = `Sending ${place + 1} of ${files.length}`;
      const body = new FormData();
      body.append("pictures", file);
      const wrong = await send(form.action, body);
      if (wrong !== null) {
        said.textContent = `${file.name}: ${wrong}`;
        form.querySelector("button").disabled = false;
        return;
      }
    }
    location.reload();
  });
}

function focal(stage) {
  const form = document.querySelector(`[data-focal-form="${stage.dataset.focal}"]`);
  if (!form) return;
  stage.style.cursor = "crosshair";
  const show = () => {
    for (const circle of stage.querySelectorAll("circle")) {
      circle.setAttribute("cx", `${form.elements.focal_x.value || 50}%`);
      circle.setAttribute("cy", `${form.elements.focal_y.value || 50}%`);
    }
  };
  stage.addEventListener("click", (event) => {
    const box = stage.getBoundingClientRect();
    const percent = (at, from, length) => Math.round(Math.min(Math.max((at - from) / length, 0), 1) * 100);
    form.elements.focal_x.value = percent(event.clientX, box.left, box.width);
    form.elements.focal_y.value = percent(event.clientY, box.top, box.height);
    form.closest("details")?.setAttribute("open", "");
    show();
  });
  form.addEventListener("input", show);
}

function ordered(list) {
  let held = null;
  for (const item of list.querySelectorAll("[data-medium]")) {
    const handle = item.querySelector("[data-live]");
    handle.draggable = true;
    handle.addEventListener("dragstart", (event) => {
      held = item;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", item.id);
    });
    handle.addEventListener("dragend", () => { held = null; });
    item.addEventListener("dragover", (event) => {
      if (!held || held === item) return;
      event.preventDefault();
      item.toggleAttribute("data-over", true);
    });
    item.addEventListener("dragleave", (event) => { if (!item.contains(event.relatedTarget)) item.removeAttribute("data-over"); });
    item.addEventListener("drop", (event) => {
      if (!held || held === item) return;
      event.preventDefault();
      const form = Object.assign(document.createElement("form"), { method: "post", action: held.dataset.path, hidden: true });
      form.append(Object.assign(document.createElement("input"), { name: "place", value: item.dataset.place }));
      document.body.append(form);
      form.submit();
    });
  }
}

// Only what nobody types into is taken from the page as it is by now.
async function follow() {
  const answer = await fetch(document.querySelector("[data-page]").dataset.page).catch(() => null);
  if (answer?.ok && !answer.redirected) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const there of document.querySelectorAll("[data-live]")) {
      const now = page.querySelector(`[data-live="${there.dataset.live}"]`);
      if (!now || now.outerHTML === there.dataset.seen) continue;
      const seen = now.outerHTML;
      const put = document.importNode(now, true);
      there.replaceChildren(...put.childNodes);
      if (now.dataset.goesOn) there.dataset.goesOn = now.dataset.goesOn;
      there.dataset.seen = seen;
      there.querySelectorAll("[data-focal]").forEach(focal);
    }
  }
  later();
}

function later() {
  if (document.querySelector('[data-goes-on="1"]')) setTimeout(follow, EVERY);
}

document.querySelectorAll("[data-drop]").forEach(dropped);
document.querySelectorAll("[data-bring]").forEach(bringing);
document.querySelectorAll('[data-frames="1"]').forEach(framing);
document.querySelectorAll("[data-focal]").forEach(focal);
document.querySelectorAll('[data-may-move="1"]').forEach(ordered);
later();
