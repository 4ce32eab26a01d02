// Select2 puts a box of its own in the place of a select and leaves it without a name: it takes the select's label.
new MutationObserver((changes) => {
  for (const box of changes.flatMap((change) => [...change.addedNodes])) {
    const select = box.previousElementSibling;
    if (!select?.matches("select.select2-hidden-accessible") || !select.labels.length) continue;
    const [label] = select.labels;
    label.id ||= `${select.id}-label`;
    const value = box.querySelector(".select2-selection__rendered");
    for (const part of box.querySelectorAll("[role=combobox], [role=textbox], [role=searchbox]")) {
      const named = part.matches("[role=combobox]") && value?.id ? [label.id, value.id] : [label.id];
      part.setAttribute("aria-labelledby", named.join(" "));
    }
  }
}).observe(document, { childList: true, subtree: true });
