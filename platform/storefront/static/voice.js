// A search by voice, where the browser can listen (Web Speech API): the shop says which of the things that were heard its
// products have. Nothing is listened to before the button is pressed, or after something was said.
"use strict";

const Recognition = window.SpeechRecognition || window.webkitSpeechRecognition;
const ALTERNATIVES = 5;

const button = document.getElementById("speak");
const box = document.getElementById("q");
const status = document.getElementById("suggested-status");

const WHY = {
  "not-allowed": "The microphone may not be used here.",
  "no-speech": "Nothing was heard.",
  "audio-capture": "No microphone was found.",
};

async function understood(heard) {
  const alternatives = Array.from(heard, ({ transcript, confidence }) => ({ transcript: transcript.trim(), confidence }));
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ alternatives: alternatives.filter((one) => one.transcript !== "") });
  const response = await fetch("/v1/store/search/voice", { method: "POST", headers, body });
  return response.ok ? (await response.json()).query : alternatives[0].transcript;
}

async function search(heard) {
  box.value = await understood(heard).catch(() => heard[0].transcript);
  box.form.requestSubmit();
}

function listen() {
  const recognition = new Recognition();
  recognition.lang = document.documentElement.lang;
  recognition.maxAlternatives = ALTERNATIVES;
  recognition.addEventListener("start", () => {
    button.setAttribute("aria-pressed", "true");
    box.placeholder = "Listening…";
    status.textContent = "Listening";
  });
  recognition.addEventListener("result", (event) => search(event.results[0]));
  recognition.addEventListener("error", (event) => {
    if (event.error !== "aborted") status.textContent = WHY[event.error] ?? "That was not understood.";
  });
  recognition.addEventListener("end", () => {
    button.setAttribute("aria-pressed", "false");
    box.placeholder = box.dataset.placeholder;
    current = null;
  });
  recognition.start();
  return recognition;
}

let current = null;

if (Recognition) {
  box.dataset.placeholder = box.placeholder;
  button.hidden = false;
  button.addEventListener("click", () => {
    if (current) current.abort();
    else current = listen();
  });
}
