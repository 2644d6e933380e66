// Plays the pieces of sound as they come. It begins when 60 ms are there, and drops what lies over 400 ms behind.
class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.pieces = [];
    this.queued = 0;
    this.at = 0;
    this.plays = false;
    this.port.onmessage = ({ data }) => {
      const piece = new Int16Array(data);
      this.pieces.push(piece);
      this.queued += piece.length;
      while (this.queued > sampleRate * 0.4) this.drop();
    };
  }

  drop() {
    const piece = this.pieces.shift();
    this.queued -= piece.length - this.at;
    this.at = 0;
  }

  process(_inputs, outputs) {
    const out = outputs[0][0];
    if (!this.plays && this.queued < sampleRate * 0.06) return true;
    this.plays = this.queued > 0;
    for (let i = 0; i < out.length && this.queued > 0; i++) {
      out[i] = this.pieces[0][this.at++] / 32768;
      this.queued--;
      if (this.at === this.pieces[0].length) {
        this.pieces.shift();
        this.at = 0;
      }
    }
    return true;
  }
}
registerProcessor("playback", Playback);
