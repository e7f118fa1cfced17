// Checks a new password before the form is sent. The server decides and may reject what passes here.
"use strict";
{
  const field = document.querySelector("input[data-too-short]");
  const error = document.getElementById("password-error");
  const ownWords = () =>
    ["username", "display_name", "email"]
      .map((id) => document.getElementById(id)?.value ?? "")
      .join(" ")
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u)
      .filter((word) => word.length > 2)
      .sort((left, right) => right.length - left.length);
  const findError = (password) => {
    const text = password.toLowerCase();
    const characters = [...text];
    if (characters.length < Number(field.dataset.min)) return field.dataset.tooShort;
    if (new Set(characters).size < 5) return field.dataset.repeats;
    const rest = ownWords().reduce((left, word) => left.replaceAll(word, ""), text);
    if ([...rest].length < 4) return field.dataset.ownWords;
    return "";
  };
  const update = () => {
    error.textContent = field.value ? findError(field.value) : "";
  };
  // Delayed, because a screen reader would announce an error at each key. Not on blur, because an error that moves the button while
  // it is being pressed loses the click.
  let timer;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, error.textContent ? 150 : 900);
  });

  const show = document.createElement("button");
  show.type = "button";
  show.className = "secondary show";
  show.textContent = field.dataset.show;
  show.setAttribute("aria-pressed", "false");
  show.setAttribute("aria-controls", field.id);
  const set = (isShown) => {
    field.type = isShown ? "text" : "password";
    show.setAttribute("aria-pressed", String(isShown));
  };
  show.addEventListener("click", () => set(field.type === "password"));
  // Masked before the form is sent, so that password managers recognize the field and no browser saves it as text.
  field.form.addEventListener("submit", () => set(false));
  field.after(show);
}
