// Tells the page where the browser cannot draw in three dimensions.
export default function ({ setTriggerValue }) {
  if (!document.createElement("canvas").getContext("webgl")) {
    setTriggerValue("event", true);
  }
}
