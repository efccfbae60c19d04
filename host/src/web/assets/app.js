// Keys, notes that save without leaving the page, and pages that follow a run. Everything works without this script, but for the keys.
"use strict";

const main = () => document.getElementById("main");
const writing = (element) => element instanceof HTMLElement && element.closest("input, select, textarea, dialog[open]");

// Keys

function follow(selector) {
  const link = document.querySelector(selector);
  if (link) link.click();
  return Boolean(link);
}

function step(by) {
  if (follow(document.querySelector(".single") ? `a[rel=${by > 0 ? "next" : "prev"}]` : "never")) return;
  const items = [...document.querySelectorAll(".item:not(.gone)")];
  if (!items.length) return;
  const now = items.findIndex((item) => item.classList.contains("current"));
  const next = now < 0 ? (by > 0 ? 0 : items.length - 1) : now + by;
  if (next < 0 || next >= items.length) {
    follow(`a[rel=${by > 0 ? "next" : "prev"}]`);
    return;
  }
  if (now >= 0) items[now].classList.remove("current");
  items[next].classList.add("current");
  const link = items[next].querySelector("a.open");
  if (link) link.focus({ preventScroll: true });
  items[next].scrollIntoView({ block: "nearest" });
}

function vote(side) {
  const button = document.querySelector(`[data-vote] button[value=${side}]`);
  if (button) button.click();
}

function focusOn(id) {
  const element = document.getElementById(id);
  if (!element) return;
  element.focus();
  if (element.select) element.select();
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  u: () => follow("a[data-up]"),
  "/": () => focusOn("q"),
  n: () => focusOn("note"),
  1: () => vote("left"),
  2: () => vote("right"),
  0: () => vote("equal"),
  s: () => follow("a[data-skip]"),
  "?": () => document.getElementById("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form && event.target.id === "note") {
    event.target.form.requestSubmit();
    return;
  }
  if (event.key === "Escape" && writing(event.target) && !document.querySelector("dialog[open]")) {
    event.target.blur();
    return;
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || writing(event.target)) return;
  const action = keys[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});

// Notes

let dirty = false;

document.addEventListener("input", (event) => {
  if (event.target.id === "note") {
    dirty = true;
    const status = document.querySelector("[data-status]");
    if (status) status.textContent = "Not saved yet";
  }
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-note]")) return;
  event.preventDefault();
  const status = form.querySelector("[data-status]");
  status.textContent = "Saving …";
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: "application/json" },
    });
    const told = await answer.json();
    status.textContent = told.message;
    if (answer.ok) dirty = false;
  } catch {
    status.textContent = "Not saved: the server does not answer.";
  }
});

window.addEventListener("beforeunload", (event) => {
  if (dirty) event.preventDefault();
});

// Forms of filters send only what is chosen, so that addresses stay short.

document.addEventListener("submit", (event) => {
  if (!event.target.matches(".filters")) return;
  const form = event.target;
  const boxes = [...form.querySelectorAll("input[name=model]")];
  const all = boxes.every((box) => box.checked);
  for (const field of form.elements) {
    const value = field.value;
    const unsorted = !form.elements.sort.value && ["minus", "order"].includes(field.name);
    const first = field.name === "of" && field.selectedIndex === 0;
    const usual = field.name === "order" && value === "highest";
    if (field.name && (value === "" || unsorted || first || usual || (all && field.name === "model"))) field.disabled = true;
  }
});

window.addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll(".filters :disabled")) field.disabled = false;
});

// Following a run

async function renew() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = main().querySelector(".item.current a.open");
  const open = [...main().querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);
  const scroll = window.scrollY;
  main().replaceChildren(...page.getElementById("main").childNodes);
  for (const summary of main().querySelectorAll("details > summary")) {
    summary.parentElement.open ||= open.includes(summary.textContent);
  }
  if (now) {
    const same = [...main().querySelectorAll("a.open")].find((link) => link.href === now.href);
    if (same) same.closest(".item").classList.add("current");
  }
  window.scrollTo({ top: scroll, behavior: "instant" });
  document.body.dataset.version = page.body.dataset.version;
}

async function look() {
  let patience = 3000;
  try {
    if (!document.hidden) {
      const answer = await fetch(document.body.dataset.live, { headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (told.busy) patience = 1000;
      const busy = dirty || writing(document.activeElement);
      if (String(told.version) !== document.body.dataset.version && !busy) await renew();
    }
  } catch {
    patience = 10000;
  }
  setTimeout(look, patience);
}

const button = document.querySelector("[data-keys]");
button.hidden = false;
button.addEventListener("click", keys["?"]);
if (document.body.dataset.live) setTimeout(look, 700);
