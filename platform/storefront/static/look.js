// The page looks by the whole picture without this file. With it, a frame is drawn around the part that is meant: by the
// mouse, a finger, or the arrow keys.
"use strict";

const LEAST = 0.08;
const STEP = 0.02;
const AROUND = 0.03;

const stage = document.querySelector("[data-crop]");

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

function crop(form) {
  const box = stage.querySelector("[data-crop-box]");
  const all = form.querySelector("[data-crop-all]");
  const said = form.querySelector("[data-crop-said]");
  const fields = Object.fromEntries(["x", "y", "width", "height"].map((name) => [name, form.elements[name]]));
  const whole = { x: 0, y: 0, width: 1, height: 1 };
  let part = fields.width.value
    ? Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, Number(field.value)]))
    : whole;

  function show() {
    box.style.left = `${part.x * 100}%`;
    box.style.top = `${part.y * 100}%`;
    box.style.width = `${part.width * 100}%`;
    box.style.height = `${part.height * 100}%`;
    const isWhole = part.width === 1 && part.height === 1;
    for (const [name, field] of Object.entries(fields)) field.value = isWhole ? "" : part[name].toFixed(4);
    all.hidden = isWhole;
  }

  function between(left, top, right, bottom) {
    // Cut off behind the fourth place, two parts may come to more than the whole.
    const x = Math.floor(left * 1e4) / 1e4;
    const y = Math.floor(top * 1e4) / 1e4;
    part = { x, y, width: Math.min(right - left, 1 - x), height: Math.min(bottom - top, 1 - y) };
    show();
  }

  function moved(dx, dy) {
    const x = clamp(part.x + dx, 0, 1 - part.width);
    const y = clamp(part.y + dy, 0, 1 - part.height);
    between(x, y, x + part.width, y + part.height);
  }

  function sized(dx, dy) {
    between(part.x, part.y, clamp(part.x + part.width + dx, part.x + LEAST, 1), clamp(part.y + part.height + dy, part.y + LEAST, 1));
  }

  function at(event) {
    const frame = stage.getBoundingClientRect();
    return { x: clamp((event.clientX - frame.left) / frame.width, 0, 1), y: clamp((event.clientY - frame.top) / frame.height, 0, 1) };
  }

  // The corner that stays where it is while its opposite is pulled; nothing, where the frame is moved as it is.
  function anchor(corner) {
    const right = part.x + part.width;
    const bottom = part.y + part.height;
    return { x: corner.includes("w") ? right : part.x, y: corner.includes("n") ? bottom : part.y };
  }

  stage.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    const start = at(event);
    const corner = event.target.dataset.corner;
    const isInside = event.target === box && (part.width < 1 || part.height < 1);
    const fixed = corner ? anchor(corner) : start;
    let last = start;
    box.focus({ preventScroll: true });

    function pull(moving) {
      const now = at(moving);
      if (isInside) {
        moved(now.x - last.x, now.y - last.y);
      } else if (corner || Math.hypot(now.x - start.x, now.y - start.y) > AROUND) {
        const left = Math.min(fixed.x, now.x);
        const top = Math.min(fixed.y, now.y);
        const right = Math.max(fixed.x, now.x, left + LEAST);
        const bottom = Math.max(fixed.y, now.y, top + LEAST);
        const over = { x: Math.max(0, right - 1), y: Math.max(0, bottom - 1) };
        between(left - over.x, top - over.y, right - over.x, bottom - over.y);
      }
      last = now;
    }

    stage.addEventListener("pointermove", pull);
    stage.addEventListener("pointerup", () => stage.removeEventListener("pointermove", pull), { once: true });
    stage.addEventListener("pointercancel", () => stage.removeEventListener("pointermove", pull), { once: true });
  });

  box.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (event.key === "Enter") {
      event.preventDefault();
      form.requestSubmit();
      return;
    }
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    (event.shiftKey ? sized : moved)(...way);
    const percent = (value) => Math.round(value * 100);
    said.textContent = `From ${percent(part.x)} % across and ${percent(part.y)} % down, ${percent(part.width)} by ${percent(part.height)} %`;
  });

  all.addEventListener("click", () => {
    part = whole;
    show();
    box.focus();
  });

  box.hidden = false;
  show();
}

if (stage) crop(stage.closest("form"));
