// While a worker has an import: ask how far it is, and show the page anew when it waits for somebody or is over.
(() => {
  const box = document.querySelector("[data-import-progress]");
  if (!box) return;
  const words = box.querySelector("[data-import-words]");
  const bar = box.querySelector("progress");

  async function look() {
    try {
      const answer = await fetch(box.dataset.importProgress, { headers: { Accept: "application/json" } });
      if (!answer.ok || answer.redirected) return location.reload(); // logged out, or gone
      const now = await answer.json();
      if (now.waits) return location.reload();
      if (words.textContent !== now.words) words.textContent = now.words;
      if (now.percent === null) bar.removeAttribute("value");
      else bar.value = now.percent;
    } catch {
      words.textContent = "The server does not answer. Trying again…";
    }
    setTimeout(look, 1000);
  }

  setTimeout(look, 1000);
})();
