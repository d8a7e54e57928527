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

document.querySelector('nav [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });

// Contrast as WCAG 2.2 reckons it; the server tells the same of the colour that is kept (foundation/colours.py).
const luminance = (hex) => {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const contrast = (one, other) => {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
};

const accent = document.querySelector("[data-accent]");
const figures = document.querySelector("[data-contrasts]");
if (accent && figures) {
  accent.addEventListener("input", () => {
    const onWhite = contrast(accent.value, "#ffffff");
    const onButton = Math.max(onWhite, contrast(accent.value, "#1c211e"));
    document.querySelector("[data-accent-code]").textContent = accent.value;
    figures.querySelector("[data-on-button]").textContent = onButton.toFixed(1);
    figures.querySelector("[data-on-white]").textContent = onWhite.toFixed(1);
    figures.querySelector("[data-hard]").hidden = onButton >= 4.5;
    figures.querySelector("[data-darker]").hidden = onWhite >= 4.5;
    document.querySelector('link[href^="/back-office/branding/preview.css"]').href =
      `/back-office/branding/preview.css?accent=${encodeURIComponent(accent.value)}`;
  });
}
