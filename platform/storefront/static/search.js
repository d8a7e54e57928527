// The search box is a form that works by itself. With this file it suggests while somebody types: a combobox with a list,
// as the ARIA Authoring Practices describe it.
"use strict";

const PAUSE_MS = 80;

const box = document.getElementById("q");
const panel = document.getElementById("suggested");
const status = document.getElementById("suggested-status");

let typed = box.value;
let asking = null;
let pause = 0;

const options = () => Array.from(panel.querySelectorAll('[role="option"]'));
const chosen = () => panel.querySelector('[aria-selected="true"]');

function show(open) {
  panel.hidden = !open;
  box.setAttribute("aria-expanded", String(open));
  if (!open) choose(null);
}

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  if (option) {
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", option.id);
  } else {
    box.removeAttribute("aria-activedescendant");
  }
  box.value = option?.dataset.fill ?? typed;
}

function move(step) {
  const all = options();
  if (all.length === 0) return;
  // One place more than there are options: there, what was typed is in the box again.
  const places = all.length + 1;
  const at = all.indexOf(chosen());
  choose(all[((at + 1 + step + places) % places) - 1] ?? null);
}

async function suggest() {
  asking?.abort();
  if (typed.trim() === "") return show(false);
  asking = new AbortController();
  const { signal } = asking;
  try {
    const response = await fetch(`/shop/suggestions?q=${encodeURIComponent(typed)}`, { signal });
    if (!response.ok) return show(false);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (signal.aborted) return;
    const list = page.getElementById("suggestions");
    const count = Number(list.dataset.count);
    panel.replaceChildren(...list.children);
    show(count > 0 && document.activeElement === box);
    status.textContent = count === 0 ? "No suggestions" : `${count} suggestions`;
  } catch (fault) {
    if (fault.name !== "AbortError") show(false);
  }
}

box.setAttribute("role", "combobox");
box.setAttribute("aria-autocomplete", "list");
box.setAttribute("aria-controls", panel.id);
box.setAttribute("aria-expanded", "false");
box.autocomplete = "off";

box.addEventListener("input", () => {
  typed = box.value;
  clearTimeout(pause);
  pause = setTimeout(suggest, PAUSE_MS);
});

box.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (panel.hidden) suggest();
    else move(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && chosen()) {
    event.preventDefault();
    chosen().click();
  } else if (event.key === "Escape" && !panel.hidden) {
    event.preventDefault();
    show(false);
  }
});

box.addEventListener("focus", () => {
  if (box.value !== box.defaultValue) suggest();
});

// A press would take the focus away, and the list with it, before it becomes a click.
panel.addEventListener("pointerdown", (event) => event.preventDefault());
box.addEventListener("blur", () => show(false));
box.form.addEventListener("submit", () => clearTimeout(pause));
