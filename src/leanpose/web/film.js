/** A camera or a video file, frame by frame, at the rate at which it plays. */

/** @typedef {(time: number) => Promise<void>} OnFrame time in seconds from the start; settled when it was looked at */

const TELLS_FRAMES = "requestVideoFrameCallback" in HTMLVideoElement.prototype;

export class Film {
  /** @param {HTMLVideoElement} video @param {OnFrame} onFrame @param {() => void} onEnd */
  constructor(video, onFrame, onEnd) {
    this.video = video;
    this.onFrame = onFrame;
    /** @type {MediaStream | null} */
    this.stream = null;
    this.address = "";
    this.run = 0; // so that frames of what was stopped are none
    this.started = 0;
    video.addEventListener("ended", onEnd);
  }

  /** Starts the camera; asks the user. */
  async camera() {
    if (!navigator.mediaDevices)
      throw new Error("a browser gives its camera to pages of https or of this machine alone");
    this.stop();
    const run = this.run;
    const size = { width: { ideal: 640 }, height: { ideal: 480 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: { ...size, facingMode: "user" }, audio: false });
    if (run !== this.run) return stream.getTracks().forEach((track) => track.stop());
    this.stream = stream;
    this.video.srcObject = stream;
    await this.#play();
  }

  /** @param {File} file */
  async file(file) {
    this.stop();
    this.address = URL.createObjectURL(file);
    const run = this.run;
    await new Promise((resolve, reject) => {
      if (TELLS_FRAMES) this.video.requestVideoFrameCallback(resolve);
      else this.video.onloadeddata = resolve;
      this.video.onerror = () => reject(new Error(this.video.error?.message || "no frames in it"));
      this.video.src = this.address;
    });
    await this.onFrame(0); // no callback tells of the first one
    if (run === this.run) await this.#play();
  }

  /** Plays on after a pause, which another one may end at once. */
  async goOn() {
    if (this.video.ended) return;
    await this.video.play().catch((error) => {
      if (error.name !== "AbortError") throw error;
    });
  }

  get running() {
    return Boolean(this.stream ?? this.address);
  }

  stop() {
    this.run += 1;
    this.video.pause();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    if (this.address) {
      URL.revokeObjectURL(this.address);
      this.video.removeAttribute("src");
      this.video.load();
    }
    this.address = "";
  }

  async #play() {
    const run = this.run;
    this.started = performance.now();
    this.#next(run);
    await this.video.play();
  }

  /** @param {number} run */
  #next(run) {
    /** @param {number} now @param {number} [mediaTime] */
    const frame = (now, mediaTime) => {
      if (run !== this.run) return;
      this.#next(run);
      if (this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
      void this.onFrame(this.stream ? (now - this.started) / 1000 : (mediaTime ?? this.video.currentTime));
    };
    if (TELLS_FRAMES) this.video.requestVideoFrameCallback((now, { mediaTime }) => frame(now, mediaTime));
    else requestAnimationFrame((now) => frame(now));
  }
}
