// The sliders over training and along directions, pictures that grow when asked to, and what paper shows of what a
// screen folds away.
const slider = document.getElementById("slider");
if (slider) {
  const frames = [...document.querySelectorAll(".frame")];
  const step = document.getElementById("step");
  const play = document.getElementById("play");
  let timer = null;
  const show = (index) => {
    slider.value = index;
    frames.forEach((frame, number) => { frame.hidden = number !== index; });
    step.textContent = frames[index].dataset.step;
    slider.setAttribute("aria-valuetext", "step " + frames[index].dataset.step);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  play.addEventListener("click", () => {
    if (timer !== null) return stop();
    play.textContent = "Stop";
    if (Number(slider.value) === frames.length - 1) show(0);
    timer = setInterval(() => {
      if (Number(slider.value) === frames.length - 1) return stop();
      show(Number(slider.value) + 1);
    }, 500);
  });
}
document.querySelectorAll(".walk").forEach((walk) => {
  const strip = walk.closest("figure").querySelector(".window img");
  const values = walk.dataset.values.split(" ").map(Number);
  const show = () => {
    const words = values[Number(walk.value)].toFixed(2) + " sd";
    strip.style.transform = "translateX(-" + (100 * Number(walk.value)) / values.length + "%)";
    walk.parentNode.querySelector("output").textContent = words;
    walk.setAttribute("aria-valuetext", words);
  };
  walk.addEventListener("input", show);
  show();
});
document.querySelectorAll(".picture").forEach((picture) => {
  picture.addEventListener("click", () => picture.classList.toggle("full"));
});
addEventListener("beforeprint", () => {
  document.querySelectorAll("details.paper").forEach((details) => { details.open = true; });
});
