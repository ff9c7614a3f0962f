// Sets the chosen theme before anything is drawn; without a choice the system's holds.
(function () {
  "use strict";
  document.documentElement.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden: then the system's theme holds.
  }
})();
