// Lists and menus that lie above everything, dialogs and scrolling boxes included.

const GAP = 4;

export function showPopup(node, anchor, { wide = false, right = false } = {}) {
  node.popover = "manual";
  if (!node.matches(":popover-open")) node.showPopover();
  const box = anchor.getBoundingClientRect();
  if (wide) node.style.width = `${Math.max(box.width, 200)}px`;
  const { width, height } = node.getBoundingClientRect();
  const below = innerHeight - box.bottom;
  const top = below < height + GAP && box.top > below ? box.top - height - GAP : box.bottom + GAP;
  const left = right ? box.right - width : box.left;
  node.style.top = `${Math.max(GAP, top)}px`;
  node.style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`;
}

export function hidePopup(node) {
  if (isShown(node)) node.hidePopover();
}

export function isShown(node) {
  return node.isConnected && node.matches(":popover-open");
}

// A button and its menu: arrows walk, Escape and leaving close; entries are made when it opens.
export function menu(box, opener, list, entries) {
  opener.setAttribute("aria-haspopup", "menu");
  opener.setAttribute("aria-expanded", "false");
  list.popover = "manual";
  const close = () => {
    hidePopup(list);
    opener.setAttribute("aria-expanded", "false");
    box.classList.remove("open");
  };
  opener.addEventListener("click", () => {
    if (isShown(list)) {
      close();
      return;
    }
    list.replaceChildren(...entries(close));
    box.classList.add("open");
    opener.setAttribute("aria-expanded", "true");
    showPopup(list, opener, { right: true });
    list.firstChild?.focus({ preventScroll: true });
  });
  box.addEventListener("focusout", (event) => {
    if (!box.contains(event.relatedTarget)) close();
  });
  box.addEventListener("keydown", (event) => {
    if (!isShown(list)) return;
    const items = [...list.children];
    const step = { ArrowDown: 1, ArrowUp: items.length - 1 }[event.key];
    if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault();
      close();
      opener.focus();
    } else if (step) {
      event.preventDefault();
      items[(items.indexOf(document.activeElement) + step) % items.length].focus();
    }
  });
  document.addEventListener("scroll", () => isShown(list) && close(), true);
}
