// Reports: say that a long one is being made, print a client's in light, and offer to print where there is a script.
(() => {
  const bar = document.querySelector(".report__progress");
  const wait = () => { bar.hidden = false; };
  if (bar) {
    document.querySelector(".report form").addEventListener("submit", wait);
    document.querySelector(".report").addEventListener("click", (event) => {
      const link = event.target.closest("a");
      const opens = link && !event.ctrlKey && !event.metaKey && !event.shiftKey;
      if (opens && link.pathname === location.pathname) wait();
    });
    addEventListener("pageshow", () => { bar.hidden = true; }); // back from the page that was waited for
  }

  const button = document.querySelector("[data-print]");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => print());
    const page = document.documentElement;
    let dark = false;
    addEventListener("beforeprint", () => {
      dark = page.classList.contains("dark");
      page.classList.remove("dark");
    });
    addEventListener("afterprint", () => page.classList.toggle("dark", dark));
  }
})();
