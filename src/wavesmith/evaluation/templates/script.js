const player = new Audio();
let playing = null;
const stop = () => { if (playing) playing.classList.remove("on"); playing = null; };
player.addEventListener("ended", stop);
document.addEventListener("click", (event) => {
  const button = event.target.closest(".play");
  if (!button) return;
  const again = button === playing;
  player.pause();
  stop();
  if (again) return;
  player.src = button.dataset.sound;
  player.play();
  playing = button;
  button.classList.add("on");
});
