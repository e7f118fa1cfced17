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
    const rest = ownWords().reduce((rest, word) => rest.replaceAll(word, ""), text);
    if ([...rest].length < 4) return field.dataset.ownWords;
    return "";
  };
  const update = () => {
    error.textContent = field.value ? findError(field.value) : "";
  };
  // Delayed, because a screen reader would announce an error at each key. Not on blur, because an error that moves the
  // button while it is being pressed loses the click.
  let timer;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, error.textContent ? 150 : 900);
  });

  const button = document.createElement("button");
  button.type = "button";
  button.className = "secondary show";
  button.textContent = field.dataset.show;
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-controls", field.id);
  const setShown = (isShown) => {
    field.type = isShown ? "text" : "password";
    button.setAttribute("aria-pressed", String(isShown));
  };
  button.addEventListener("click", () => setShown(field.type === "password"));
  // Masked before the form is sent: password managers recognize the field, and no browser saves it as text.
  field.form.addEventListener("submit", () => setShown(false));
  field.after(button);
}
