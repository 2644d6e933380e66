// The browser's own sound: one context, a microphone that may be missing, a loudspeaker.

export class Sound {
  constructor(onSamples, onLevel) {
    this.onSamples = onSamples;
    this.onLevel = onLevel;
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.isMuted = true;
    this.capture = null;
  }

  get rateHz() {
    return Math.round(this.context.sampleRate);
  }

  // A context may sound only after a gesture: the page calls this with each.
  wake() {
    this.context.resume();
  }

  async open() {
    await this.context.audioWorklet.addModule("/static/playback-worklet.js");
    this.playback = new AudioWorkletNode(this.context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this.playback.connect(this.context.destination);
  }

  play(samples) {
    if (this.playback) this.playback.port.postMessage(samples, [samples]);
  }

  async openMicrophone() {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    await this.context.audioWorklet.addModule("/static/capture-worklet.js");
    this.capture = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    this.capture.port.onmessage = ({ data }) => {
      this.onLevel(this.isMuted ? 0 : levelOf(new Int16Array(data)));
      if (!this.isMuted) this.onSamples(data);
    };
    this.context.createMediaStreamSource(stream).connect(this.capture);
    return stream.getAudioTracks()[0];
  }
}

function levelOf(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const dbfs = 10 * Math.log10(sum / samples.length / 32768 ** 2 + 1e-9);
  return Math.max(0, Math.min(1, (dbfs + 60) / 60));
}
