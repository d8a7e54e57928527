// Forms that a passkey fills in: what the server asks is in the form, what the device answers goes back with it. Without
// this file, or without passkeys in the browser, these forms stay hidden and the other ways are there.
"use strict";

const fromText = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const described = (list) => (list || []).map((one) => ({ ...one, id: fromText(one.id) }));

function asked(options) {
  const { challenge, user, excludeCredentials, allowCredentials, ...rest } = options;
  const read = { ...rest, challenge: fromText(challenge) };
  if (user) return { ...read, user: { ...user, id: fromText(user.id) }, excludeCredentials: described(excludeCredentials) };
  return { ...read, allowCredentials: described(allowCredentials) };
}

function answered({ id, rawId, type, response }) {
  const told = { clientDataJSON: toText(response.clientDataJSON) };
  if (response.attestationObject) {
    told.attestationObject = toText(response.attestationObject);
    told.transports = response.getTransports ? response.getTransports() : [];
  } else {
    told.authenticatorData = toText(response.authenticatorData);
    told.signature = toText(response.signature);
    if (response.userHandle && response.userHandle.byteLength) told.userHandle = toText(response.userHandle);
  }
  return { id, rawId: toText(rawId), type, response: told };
}

let waiting = null;

async function ask(form, mediation) {
  if (waiting) waiting.abort();
  waiting = new AbortController();
  const publicKey = asked(JSON.parse(form.dataset.passkey));
  const options = { publicKey, signal: waiting.signal };
  const credential = publicKey.user
    ? await navigator.credentials.create(options)
    : await navigator.credentials.get(mediation ? { ...options, mediation } : options);
  form.elements.credential.value = JSON.stringify(answered(credential));
  form.submit();
}

function say(form, fault) {
  const words = form.querySelector("[data-passkey-fault]");
  if (fault.name === "AbortError") return;
  words.textContent =
    fault.name === "InvalidStateError"
      ? "This device has a passkey here already."
      : "That did not work, or was cancelled. Try again, or use another way.";
  words.hidden = false;
}

const forms = Array.from(document.querySelectorAll("form[data-passkey]"));

if (window.PublicKeyCredential && navigator.credentials) {
  for (const form of forms) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form).catch((fault) => say(form, fault));
    });
  }
  const offered = forms.find((form) => "conditional" in form.dataset);
  const can = PublicKeyCredential.isConditionalMediationAvailable;
  if (offered && can) {
    can.call(PublicKeyCredential).then((yes) => yes && ask(offered, "conditional").catch(() => {}));
  }
}
