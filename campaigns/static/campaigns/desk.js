// Shows that a view is being made, until it comes.
const choice = document.querySelector("[data-desk-choice]");
if (choice) {
  const progress = document.querySelector(".desk__progress");
  choice.addEventListener("submit", () => { progress.hidden = false; });
  window.addEventListener("pageshow", () => { progress.hidden = true; });
}
