// The page is there at once; the answer takes a while, and comes in its place.
(async () => {
  const place = document.querySelector("[data-what-if-answer]");
  const address = place?.dataset.whatIfAnswer;
  if (!address) return;

  function missing() {
    const words = document.createElement("p");
    words.append("The answer did not come. ");
    words.append(Object.assign(document.createElement("a"), { href: address, className: "underline", textContent: "Ask again" }));
    place.firstElementChild.replaceChildren(words); // the status, so that it is read out too
  }

  try {
    const response = await fetch(address);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const answer = page.querySelector("[data-what-if-answer]");
    if (response.ok && answer) place.replaceChildren(...answer.childNodes);
    else missing();
  } catch {
    missing();
  }
  place.removeAttribute("aria-busy");
})();
