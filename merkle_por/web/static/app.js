// Comfort on top of pages that work without it: dropping files, progress, theme, copy, print.
"use strict";

const $ = (id) => document.getElementById(id);
const MEGABYTE = 1048576;
const SLOW_SECONDS = 10;

function say(text) {
  const status = $("status");
  if (status) status.textContent = text;
}

function focusHeading() {
  const heading = $("verdict");
  if (!heading) return;
  heading.focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  heading.closest("section").scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}

// -- theme, print, copy ----------------------------------------------------------------------

function setUpTheme() {
  const button = $("theme");
  if (!button) return;
  const root = document.documentElement;
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => (button.textContent = dark() ? "Light" : "Dark");
  button.hidden = false;
  label();
  button.setAttribute("aria-label", "Switch between light and dark");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // Without storage the choice holds for this page only.
    }
    label();
  });
}

function setUpPieces(scope) {
  for (const button of scope.querySelectorAll("button.print")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
  for (const button of scope.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
}

function openForPrint() {
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("main details:not([open])")) {
      fold.open = true;
      opened.push(fold);
    }
  });
  addEventListener("afterprint", () => {
    for (const fold of opened.splice(0)) fold.open = false;
  });
}

// -- verifying -------------------------------------------------------------------------------

let running = null;

function fail(title, ...texts) {
  const section = document.createElement("section");
  section.className = "result state-usage";
  section.setAttribute("aria-labelledby", "verdict");
  const box = document.createElement("div");
  box.className = "verdict";
  box.id = "form-error";
  const heading = document.createElement("h2");
  heading.id = "verdict";
  heading.className = "headline";
  heading.tabIndex = -1;
  heading.textContent = title;
  box.append(heading);
  for (const text of texts) {
    const line = document.createElement("p");
    line.textContent = text;
    box.append(line);
  }
  section.append(box);
  $("outcome").replaceChildren(section);
  say(title);
  focusHeading();
}

function working(files, onCancel) {
  const section = document.createElement("section");
  section.className = "working";
  section.setAttribute("aria-label", "Working");
  const line = document.createElement("p");
  const names = files.map((f) => `${f.name} (${f.size.toLocaleString("en")} bytes)`);
  line.textContent = names.length ? `Checking ${names.slice(0, 5).join(", ")}` : "Checking";
  if (names.length > 5) line.textContent += ` and ${names.length - 5} more`;
  const bar = document.createElement("div");
  bar.className = "busy";
  const cancel = document.createElement("button");
  cancel.type = "button";
  cancel.className = "plain";
  cancel.textContent = "Cancel";
  cancel.addEventListener("click", onCancel);
  section.append(line, bar, cancel);
  $("outcome").replaceChildren(section);
  say("Checking");
  return setTimeout(() => {
    const slow = document.createElement("p");
    slow.textContent = "Still working: zk proofs can take a minute.";
    bar.before(slow);
    say(slow.textContent);
  }, SLOW_SECONDS * 1000);
}

function tooMuch(form) {
  const files = [...$("files").files];
  const most = Number(form.dataset.files);
  const bytes = Number(form.dataset.bytes);
  if (files.length > most) return [`Too many files: ${most} at most are judged.`];
  const inputs = [...form.querySelectorAll("input[type=file]")];
  const total = inputs.flatMap((input) => [...input.files]).reduce((sum, file) => sum + file.size, 0);
  if (total > bytes)
    return [
      "These files are too big for this page.",
      `It takes ${bytes / MEGABYTE} MB in all; these are ${Math.ceil(total / MEGABYTE)} MB. ` +
        "A whole ledger is checked with: merkle-por audit FILE",
    ];
  return null;
}

async function send(form, submitter) {
  if (running) running.abort();
  const controller = new AbortController();
  running = controller;
  const files = form.id === "verify" ? [...$("files").files] : [];
  const data = new FormData(form, submitter);
  const timer = working(files, () => controller.abort());
  try {
    const response = await fetch(form.action.split("#")[0], {
      method: "POST",
      body: data,
      signal: controller.signal,
    });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const outcome = page.getElementById("outcome");
    if (!outcome) throw new Error("no answer");
    const heading = outcome.querySelector("#verdict");
    $("outcome").replaceChildren(...outcome.childNodes);
    markWrong(page);
    say(heading ? heading.textContent.trim().replace(/\s+/g, " ") : "");
    setUpPieces($("outcome"));
    focusHeading();
  } catch (error) {
    if (running !== controller) return;
    if (error.name === "AbortError") {
      $("outcome").replaceChildren();
      say("Cancelled");
      form.querySelector("button.main, button")?.focus();
    } else fail("There was no answer.", "Is merkle-por serve still running?");
  } finally {
    clearTimeout(timer);
    if (running === controller) running = null;
  }
}

// Takes over from the answered page which field was wrong.
function markWrong(page) {
  for (const field of document.querySelectorAll("#verify input[id], #verify fieldset")) {
    const other = field.id ? page.getElementById(field.id) : page.querySelector("#verify fieldset");
    for (const name of ["aria-invalid", "aria-describedby"]) {
      const value = other?.getAttribute(name);
      if (value) field.setAttribute(name, value);
      else field.removeAttribute(name);
    }
    if (other?.getAttribute("aria-invalid") && field.closest("details")) field.closest("details").open = true;
  }
}

function setUpForm() {
  const form = $("verify");
  if (!form) return;
  for (const each of [form, $("demo")]) {
    each.addEventListener("submit", (event) => {
      event.preventDefault();
      const wrong = each === form ? tooMuch(form) : null;
      if (wrong) fail(...wrong);
      else send(each, event.submitter);
    });
  }
  const input = $("files");
  input.addEventListener("change", () => {
    if (input.files.length) say(`${input.files.length} chosen`);
  });
  for (const words of form.querySelectorAll(".drop-words")) words.hidden = false;
  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) document.body.classList.remove("dropping");
  });
  addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("dropping");
    input.files = event.dataTransfer.files;
    form.requestSubmit(form.querySelector("button.main"));
  });
}

// -- lists -----------------------------------------------------------------------------------

function setUpFilter() {
  for (const input of document.querySelectorAll("input[data-filter]")) {
    input.hidden = false;
    const rows = [...document.querySelectorAll(input.dataset.filter)];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      rows.forEach((row, index) => (row.hidden = !texts[index].includes(wanted)));
    });
  }
}

function openTarget() {
  const target = location.hash ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  if (target instanceof HTMLDetailsElement) target.open = true;
}

setUpTheme();
setUpPieces(document);
openForPrint();
setUpForm();
setUpFilter();
openTarget();
addEventListener("hashchange", openTarget);
if (location.hash === "#verdict") focusHeading();
