"use strict";

// Searches the sections of all pages for words. A section is found if it has every word, at the beginning of one of its own.
const most = 12;

function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function score(section, words) {
  let sum = 0;
  for (const word of words) {
    const beginning = new RegExp("(^|[^\\p{L}\\p{N}])" + word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gu");
    const inHeading = (section.folded.heading.match(beginning) || []).length;
    const inPage = (section.folded.page.match(beginning) || []).length;
    const inText = (section.folded.text.match(beginning) || []).length;
    if (inHeading + inPage + inText === 0) return 0;
    sum += 10 * inHeading + 4 * inPage + Math.min(inText, 5);
  }
  return sum;
}

function excerpt(section, words) {
  const at = Math.max(0, section.folded.text.indexOf(words[0]) - 60);
  return (at > 0 ? "…" : "") + section.text.slice(at, at + 180) + (at + 180 < section.text.length ? "…" : "");
}

function show(results, found, words) {
  const list = document.createElement("ol");
  for (const section of found) {
    const item = document.createElement("li"), link = document.createElement("a"), text = document.createElement("p");
    link.href = document.body.dataset.root + section.at;
    link.textContent = section.heading === section.page ? section.page : section.page + ": " + section.heading;
    text.textContent = excerpt(section, words);
    item.append(link, text);
    list.append(item);
  }
  results.replaceChildren(found.length > 0 ? list : "Nothing found.");
  results.hidden = false;
}

const form = document.getElementById("search"), input = document.getElementById("words");
const results = document.getElementById("results");
form.hidden = false;
form.addEventListener("submit", event => event.preventDefault());
input.addEventListener("input", () => {
  const words = fold(input.value).split(/[^\p{L}\p{N}.@-]+/u).filter(word => word !== "");
  results.hidden = true;
  if (words.length === 0) return;
  const found = [];
  for (const section of sections) {
    section.folded ||= { page: fold(section.page), heading: fold(section.heading), text: fold(section.text) };
    const s = score(section, words);
    if (s > 0) found.push([s, section]);
  }
  found.sort((a, b) => b[0] - a[0]);
  show(results, found.slice(0, most).map(f => f[1]), words);
});
document.addEventListener("keydown", event => {
  if (event.key === "/" && document.activeElement !== input) {
    event.preventDefault();
    input.focus();
  } else if (event.key === "Escape") {
    input.value = "";
    results.hidden = true;
  }
});
