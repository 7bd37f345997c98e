/* Marks each box that scrolls sideways while more of it follows on the right: book.css lets its edge fade there. */
const BOXES = ".boxed, .pst-scrollable-table-container, .bd-article table, .bd-article div.highlight pre";
const mark = (box) => box.classList.toggle("more-follows", box.scrollWidth - box.clientWidth - box.scrollLeft > 2
    && getComputedStyle(box).overflowX !== "visible");
window.addEventListener("load", () => {
  const watch = new ResizeObserver((changes) => changes.forEach((change) => mark(change.target)));
  document.querySelectorAll(BOXES).forEach((box) => {
    watch.observe(box);
    box.addEventListener("scroll", () => mark(box), { passive: true });
  });
});
