// The answer may take a while: say so until it comes, and ask only once.
(() => {
  const form = document.querySelector("[data-what-if]");
  if (!form) return;
  const working = form.querySelector("[data-what-if-working]");
  const button = form.querySelector("button[type=submit]");

  function wait(waits) {
    working.hidden = !waits;
    button.disabled = waits;
    form.setAttribute("aria-busy", String(waits));
  }

  form.addEventListener("submit", () => wait(true));
  window.addEventListener("pageshow", () => wait(false)); // back from the answer
})();
