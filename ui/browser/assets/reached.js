// Tells the page once when this place comes near the screen: any part of it, since a visitor may jump past its top.
export default function ({ parentElement, data, setTriggerValue }) {
  parentElement.querySelector(".mark")?.remove(); // of the same place, in another theme
  const mark = document.createElement("div");
  mark.className = "mark";
  mark.style.height = `${Math.max(1, data.height)}px`;
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
