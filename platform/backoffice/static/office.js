"use strict";
// What a page can do without: copying with one press, and a colour that shows before it is kept.

for (const button of document.querySelectorAll("[data-copy]")) {
  const words = button.parentElement.querySelector("[data-copied]");
  if (!navigator.clipboard || !words) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(words.textContent.trim());
    const said = button.querySelector("span");
    said.textContent = "Copied";
    setTimeout(() => { said.textContent = "Copy"; }, 2000);
  });
}

const accent = document.querySelector("[data-accent]");
const preview = document.querySelector("[data-preview]");
const code = document.querySelector("[data-accent-code]");
if (accent && preview && code) {
  accent.addEventListener("input", () => {
    code.textContent = accent.value;
    const link = document.querySelector('link[href^="/back-office/branding/preview.css"]');
    link.href = `/back-office/branding/preview.css?accent=${encodeURIComponent(accent.value)}`;
  });
}
