// Password fields: a button that shows the password, a hint while Caps Lock is on, checks of a new password. Their forms
// are sent once. The pages work without this script; the server decides, and may reject what passes here.
"use strict";
{
  const addShowButton = (field) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "secondary show";
    button.textContent = field.dataset.show;
    button.setAttribute("aria-label", field.dataset.showLabel);
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-controls", field.id);
    const setShown = (isShown) => {
      field.type = isShown ? "text" : "password";
      button.setAttribute("aria-pressed", String(isShown));
    };
    button.addEventListener("click", () => setShown(field.type === "password"));
    // Masked before the form is sent: password managers recognize the field, and no browser saves it as text.
    field.form.addEventListener("submit", () => setShown(false));
    field.parentElement.classList.add("with-show");
    field.after(button);
  };

  const addCapsLockHint = (field) => {
    const hint = document.createElement("p");
    hint.className = "field-note";
    hint.setAttribute("aria-live", "polite");
    field.nextElementSibling.after(hint);
    const update = (event) => {
      hint.textContent = event.getModifierState?.("CapsLock") ? field.dataset.capsLock : "";
    };
    field.addEventListener("keydown", update);
    field.addEventListener("keyup", update);
    field.addEventListener("blur", () => {
      hint.textContent = "";
    });
  };

  const checkNewPassword = (field) => {
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
  };

  const sendOnce = (form) => {
    const button = form.querySelector("button[type=submit]");
    let isSent = false;
    let timer;
    const setSent = (value) => {
      isSent = value;
      button.disabled = value;
    };
    form.addEventListener("submit", (event) => {
      if (isSent) return event.preventDefault();
      isSent = true;
      // Later, because the browser has not yet read the form.
      setTimeout(() => setSent(true));
      // The person may have stopped the request.
      timer = setTimeout(() => setSent(false), 10_000);
    });
    // The page is shown again by the back button.
    addEventListener("pageshow", () => {
      clearTimeout(timer);
      setSent(false);
    });
  };

  for (const field of document.querySelectorAll("input[data-show]")) {
    addShowButton(field);
    addCapsLockHint(field);
    if (field.dataset.tooShort) checkNewPassword(field);
    sendOnce(field.form);
  }
}
