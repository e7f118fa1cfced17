// Says early what the server would say of a new password. The server decides: what this lets pass may still be refused.
"use strict";
{
  const field = document.querySelector("input[data-too-short]");
  const early = document.getElementById("password-early");
  const own = () =>
    ["username", "display_name", "email"]
      .map((id) => document.getElementById(id)?.value ?? "")
      .join(" ")
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u)
      .filter((word) => word.length > 2)
      .sort((left, right) => right.length - left.length);
  const fault = (password) => {
    const text = password.toLowerCase();
    const characters = [...text];
    if (characters.length < Number(field.dataset.min)) return field.dataset.tooShort;
    if (new Set(characters).size < 5) return field.dataset.repeats;
    const rest = own().reduce((left, word) => left.replaceAll(word, ""), text);
    if ([...rest].length < 4) return field.dataset.ownWords;
    return "";
  };
  const say = () => {
    early.textContent = field.value ? fault(field.value) : "";
  };
  // Not at each key: a screen reader would never come to an end, and nobody wants to be told off at the first letter. Nor when the
  // field is left: that is when the button is being pressed, and words that push it away would swallow the click.
  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(say, early.textContent ? 150 : 900);
  });

  const show = document.createElement("button");
  show.type = "button";
  show.className = "quiet show";
  show.textContent = field.dataset.show;
  show.setAttribute("aria-pressed", "false");
  show.setAttribute("aria-controls", field.id);
  const set = (isShown) => {
    field.type = isShown ? "text" : "password";
    show.setAttribute("aria-pressed", String(isShown));
  };
  show.addEventListener("click", () => set(field.type === "password"));
  // As a password again before it is sent, so that managers know it for one and no browser keeps it as text.
  field.form.addEventListener("submit", () => set(false));
  field.after(show);
}
