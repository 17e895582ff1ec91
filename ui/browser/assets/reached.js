// Tells the page once when this place comes near the screen. Without a box of its own it would never be met.
export default function ({ parentElement, data, setTriggerValue }) {
  const mark = document.createElement("div");
  mark.style.height = "1px";
  parentElement.appendChild(mark);
  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        observer.disconnect();
        setTriggerValue("event", true);
      }
    },
    { rootMargin: `${data.ahead}px` },
  );
  observer.observe(mark);
  return () => {
    observer.disconnect();
    mark.remove();
  };
}
