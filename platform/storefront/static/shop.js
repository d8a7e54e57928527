// The pages work without this file. With it they report what was seen, add to the cart in place, and show
// recommendations as they change.
"use strict";

const REFRESH_MS = 2000;
const REFRESHES = 6;
const NOTICE_MS = 6000;

document.documentElement.classList.add("js");

function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// Who sent the shopper here, told once, with the first event of the page that they came to.
let traffic = trafficOf(new URL(location.href), document.referrer);

function trafficOf(here, referrer) {
  const said = (name) => (here.searchParams.get(name) || "").replace(/\s+/g, " ").trim().slice(0, 200);
  const elsewhere = referrer && new URL(referrer).host !== here.host ? new URL(referrer).host : "";
  const source = said("utm_source") || elsewhere;
  if (!source) return null;
  const [medium, campaign] = [said("utm_medium"), said("utm_campaign")];
  return { source, ...(medium && { medium }), ...(campaign && { campaign }) };
}

function withTraffic(events) {
  if (!traffic) return events;
  const [first, ...others] = events;
  const told = { ...first, payload: { ...first.payload, traffic } };
  traffic = null;
  return [told, ...others];
}

function report(events) {
  // Nobody is watched who has not agreed to it; the shop would keep nothing of it anyway.
  if (events.length === 0 || !("recorded" in document.body.dataset)) return;
  const occurred_at = new Date().toISOString();
  const body = JSON.stringify({ events: withTraffic(events).map((event) => ({ event_id: newId(), occurred_at, ...event })) });
  const headers = { "Content-Type": "application/json" };
  fetch("/v1/events", { method: "POST", headers, body, keepalive: true }).catch(() => {});
}

function reportSeen(root) {
  report(Array.from(root.querySelectorAll("[data-event]"), (element) => JSON.parse(element.dataset.event)));
}

function selectionOf(card) {
  const { product, variant, price, currency, index, list, decision } = card.dataset;
  const item = { item_id: product, variant_id: variant, price: Number(price), index: Number(index), item_list_id: list };
  const event = { name: "select_item", payload: { items: [item], item_list_id: list, currency } };
  return decision ? { ...event, decision_id: decision } : event;
}

function productsIn(rail) {
  return Array.from(rail.querySelectorAll("[data-product]"), (card) => card.dataset.product).join();
}

async function refresh(rail) {
  const response = await fetch(rail.dataset.rail);
  if (!response.ok) return rail;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-rail]");
  if (!fresh || productsIn(fresh) === productsIn(rail)) return rail;
  if (rail.contains(document.activeElement)) return rail;
  fresh.classList.add("rail-fresh");
  for (const form of fresh.querySelectorAll('[name="next"]')) form.value = location.pathname + location.search;
  rail.replaceWith(fresh);
  report([JSON.parse(fresh.dataset.event)]);
  return fresh;
}

let watching = 0;

async function watchRails() {
  const mine = ++watching;
  for (let round = 0; round < REFRESHES && mine === watching; round += 1) {
    await new Promise((done) => setTimeout(done, REFRESH_MS));
    if (mine !== watching) return;
    await Promise.all(Array.from(document.querySelectorAll("[data-rail]"), (rail) => refresh(rail).catch(() => rail)));
  }
}

async function addInPlace(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!response.ok) throw new Error(String(response.status));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const id of ["cart-link", "notices"]) {
      document.getElementById(id).innerHTML = page.getElementById(id).innerHTML;
    }
    button.disabled = false;
    button.focus({ preventScroll: true });
    button.blur();
    setTimeout(() => document.getElementById("notices").replaceChildren(), NOTICE_MS);
    watchRails();
  } catch {
    button.disabled = false;
    form.submit();
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const elsewhere = event.submitter?.hasAttribute("formaction");
  if (form.matches("[data-add]") && !elsewhere && location.pathname !== "/cart") {
    event.preventDefault();
    addInPlace(form);
  } else if (form.matches("[data-once]")) {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    // Not before the form is read: a button that is disabled says nothing of having been pressed.
    setTimeout(() => form.querySelectorAll("button").forEach((button) => (button.disabled = true)));
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-select]");
  if (link) report([selectionOf(link.closest("[data-product]"))]);
});

for (const button of document.querySelectorAll("[data-reveal]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const input = document.getElementById(button.dataset.reveal);
    const hidden = input.type === "text";
    input.type = hidden ? "password" : "text";
    button.textContent = hidden ? "Show" : "Hide";
    button.setAttribute("aria-pressed", String(!hidden));
  });
}

// What is turned by a swipe is turned by keys and the mouse too.
for (const turn of document.querySelectorAll("[data-turn]")) {
  const frames = turn.closest("li").querySelector("[data-spin]");
  turn.closest("label").hidden = false;
  turn.addEventListener("input", () => {
    for (const image of frames.querySelectorAll("img")) image.loading = "eager";
    frames.scrollLeft = turn.value * frames.clientWidth;
  });
  frames.addEventListener("scroll", () => {
    turn.value = Math.round(frames.scrollLeft / frames.clientWidth);
  });
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-sends]") && event.target.files.length > 0) event.target.form.requestSubmit();
  const form = event.target.closest("[data-quantity]");
  if (form && form.reportValidity()) form.requestSubmit();
});

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.disabled = false;
  }
});

// What is chosen beside a list is shown at once. Without this file the form's button does it.
async function narrow(address) {
  const focused = document.activeElement;
  const { name, value } = focused;
  const open = Array.from(document.querySelectorAll("#narrowed [data-kept][open]"), (one) => one.dataset.kept);
  const response = await fetch(address).catch(() => null);
  const fresh = response?.ok && new DOMParser().parseFromString(await response.text(), "text/html");
  if (!fresh?.getElementById("narrowed")) return location.assign(address);
  document.getElementById("narrowed").replaceWith(fresh.getElementById("narrowed"));
  for (const kept of document.querySelectorAll("#narrowed [data-kept]")) kept.open ||= open.includes(kept.dataset.kept);
  history.pushState(null, "", address);
  if (name) document.querySelector(`#narrowed [name="${name}"][value="${CSS.escape(value)}"], select[name="${name}"]`)?.focus();
  reportSeen(document.getElementById("narrowed"));
}

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.id !== "narrow" || event.target.type === "text") return;
  const asked = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...asked]) if (!value) asked.delete(name, value);
  narrow(`${form.getAttribute("action")}?${asked}`);
});

addEventListener("popstate", () => {
  if (document.getElementById("narrowed")) location.reload();
});

reportSeen(document);
if (document.querySelector('[data-notice="added"], [data-notice="changed"], [data-notice="removed"]')) watchRails();

// Whoever acts as a customer sees how long still, also on a page that stays open.
const MINUTE_MS = 60000;
const COUNTED_EVERY_MS = 5000;

function countDown(left) {
  const minutes = Math.max(0, Math.ceil((Date.parse(left.dateTime) - Date.now()) / MINUTE_MS));
  left.textContent = minutes > 0 ? `${minutes} min left` : "It is over";
}

for (const left of document.querySelectorAll("[data-acting] time")) {
  setInterval(() => countDown(left), COUNTED_EVERY_MS);
}
