// Tells the page when this place comes near the screen: any part of it, since a visitor may jump past its top.
// It tells once more while the place is still there and the page at rest: an event that comes beside one of another
// place can be answered by drawing that one alone.
const AGAIN_MILLISECONDS = 1000;

export default function ({ parentElement, data, setTriggerValue }) {
  parentElement.querySelector(".mark")?.remove(); // of the same place, in another theme
  const mark = document.createElement("div");
  mark.className = "mark";
  mark.style.height = `${Math.max(1, data.height)}px`;
  parentElement.appendChild(mark);
  let timer;
  const tell = () => {
    const app = document.querySelector("[data-testid=stApp]");
    if (app?.dataset.testScriptState !== "running") setTriggerValue("event", true);
  };
  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        observer.disconnect();
        setTriggerValue("event", true);
        timer = setInterval(tell, AGAIN_MILLISECONDS);
      }
    },
    { rootMargin: `${data.ahead}px` },
  );
  observer.observe(mark);
  return () => {
    observer.disconnect();
    clearInterval(timer);
    mark.remove();
  };
}
