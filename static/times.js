// Shows times in the browser's time zone. Without this script, they are in the server's.
"use strict";
{
  const language = document.documentElement.lang;
  const locale = language === "en" ? "en-GB" : language;
  const date = new Intl.DateTimeFormat(locale, { dateStyle: "long" });
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  for (const time of document.querySelectorAll("time[data-format]")) {
    const at = new Date(time.dateTime);
    // 1 is the date, 2 the time of day.
    time.textContent = time.dataset.format.replace(/[12]/g, (part) => (part === "1" ? date : clock).format(at));
  }
  // The groups of one day each, made again: midnight is at another moment.
  const days = document.querySelector(".days");
  const items = [...(days?.querySelectorAll("li") ?? [])];
  days?.replaceChildren();
  let heading, list;
  for (const item of items) {
    const day = date.format(new Date(item.querySelector("time").dateTime));
    if (heading?.textContent !== day) {
      heading = document.createElement("h3");
      heading.textContent = day;
      list = document.createElement("ul");
      days.append(heading, list);
    }
    list.append(item);
  }
}
