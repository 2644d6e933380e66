// The page: draws the story, carries sound and words over one websocket.
import { Sound } from "./sound.js";
import { OUTCOMES, emptyStory, heardOf, tell } from "./words.js";

const PARTS = {
  endpointing: "end of turn", stt: "speech to text", floor: "whose turn", agent: "agent's first words",
  sentence: "first clause", tts: "text to speech", playout: "playing", first_audio: "from the decision",
  whole: "from your last word",
};
const BUSY = 4001, FORBIDDEN = 4003;
const RECONNECT_MS = 1000;

const $ = (id) => document.getElementById(id);
let story = emptyStory();
let sound = null;
let socket = null;
let chosen = null; // the turn whose times are shown; null: the last one
let isMicrophoneOn = false;

function state(kind, text) {
  $("state").dataset.kind = kind;
  $("state").textContent = text;
}

// --- drawing

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function drawTurn(turn) {
  const item = element("li");
  if (turn.heard) item.append(element("p", "said", turn.heard));
  if (turn.answer) {
    const [heard, unheard] = heardOf(turn);
    const answer = element("p", "answer");
    answer.append(heard);
    if (unheard) {
      answer.append(element("span", "unheard", unheard));
    }
    item.append(answer);
  } else if (turn.heard && !turn.outcome) {
    item.append(element("p", "note", "..."));
  }
  const note = element("p", turn.error ? "note bad" : "note");
  const isCut = item.querySelector(".unheard") !== null;
  const cut = isCut ? "The words struck through were not played." : "";
  const words = [OUTCOMES[turn.outcome] ?? "", cut, turn.error ?? ""].filter(Boolean).join(" ");
  if (words) note.append(`${words} `);
  if (turn.parts.length) {
    const button = element("button", "", turn.firstAudio ? `First sound after ${Math.round(turn.firstAudio.ms)} ms` : "Times");
    button.type = "button";
    button.dataset.turn = turn.id;
    button.title = `Show where the time went in: ${turn.heard || "this turn"}`;
    button.addEventListener("click", () => { chosen = turn.id; drawTimes(); });
    note.append(button);
  }
  if (note.childNodes.length) item.append(note);
  return item;
}

function drawStory() {
  const list = $("turns"), frame = $("story");
  const wasAtEnd = frame.scrollHeight - frame.scrollTop - frame.clientHeight < 60;
  const items = story.turns.map(drawTurn);
  if (story.live) {
    const item = element("li");
    const said = element("p", "said", story.live.text || "listening ...");
    said.dataset.partial = "";
    item.append(said);
    items.push(item);
  }
  const focused = document.activeElement?.dataset.turn; // what the keyboard is on stays so, though it is drawn anew
  list.replaceChildren(...items);
  if (focused) list.querySelector(`[data-turn="${CSS.escape(focused)}"]`)?.focus();
  $("hint").hidden = items.length > 0;
  if (wasAtEnd) frame.scrollTop = frame.scrollHeight;
  $("problems").replaceChildren(...story.problems.map((text) => element("li", "", text)));
  drawTimes();
}

function drawTimes() {
  const turn = story.turns.find((one) => one.id === chosen) ?? story.turns.findLast((one) => one.parts.length);
  $("times").hidden = !turn;
  if (!turn) return;
  $("times-of").textContent = `"${turn.heard || "..."}": from your last word to the first sound of the answer.`;
  const whole = turn.parts.reduce((sum, part) => sum + part.ms, 0) || 1;
  let begin = 0;
  const rows = turn.parts.map((part) => {
    const row = drawPart(part, begin / whole, part.ms / whole);
    begin += part.ms;
    return row;
  });
  $("parts").replaceChildren(...rows);
  const sum = { name: "whole", ms: turn.parts.reduce((ms, part) => ms + part.ms, 0), budget_ms: null, verdict: "-" };
  const sums = turn.firstAudio ? [turn.firstAudio, sum] : [sum];
  $("whole").replaceChildren(...sums.map((part) => drawPart(part, null, null)));
}

function drawPart(part, begin, share) {
  const row = element("tr");
  const name = element("th", "", PARTS[part.name] ?? part.name);
  name.scope = "row";
  const drawn = element("td", "drawn");
  if (begin !== null) {
    const bar = element("span", part.verdict === "late" ? "bar late" : "bar");
    bar.style.marginLeft = `${begin * 100}%`;
    bar.style.width = `${share * 100}%`;
    drawn.append(bar);
  }
  const target = element("td", part.verdict === "late" ? "late-text" : part.verdict === "ok" ? "ok-text" : "");
  target.textContent = part.budget_ms === null ? "" : `${part.verdict === "late" ? "over " : ""}${Math.round(part.budget_ms)}`;
  row.append(name, drawn, element("td", "", String(Math.round(part.ms))), target);
  return row;
}

// --- the call

async function openSound() {
  sound = new Sound((samples) => { if (socket?.readyState === WebSocket.OPEN) socket.send(samples); },
    (level) => { $("level").style.width = `${level * 100}%`; });
  await sound.open();
}

function connect() {
  const rateHz = sound.rateHz;
  socket = new WebSocket(`ws://${location.host}/call`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    story = emptyStory();
    socket.send(JSON.stringify({ type: "hello", rate_hz: rateHz }));
    state("live", "In the call");
    for (const id of ["microphone", "stop", "text", "say"]) $(id).disabled = false;
    drawStory();
  };
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) {
      sound.play(data);
      return;
    }
    story = tell(story, JSON.parse(data));
    drawStory();
  };
  socket.onclose = ({ code }) => {
    for (const id of ["stop", "text", "say"]) $(id).disabled = true;
    if (code === FORBIDDEN) {
      state("lost", "Open the address that voxbridge talk has printed.");
    } else {
      state("lost", code === BUSY ? "Another tab is in the call." : "Not connected: is voxbridge talk still running?");
      setTimeout(connect, RECONNECT_MS);
    }
  };
}

async function toggleMicrophone() {
  const button = $("microphone");
  sound.wake();
  if (!sound.capture) {
    try {
      const track = await sound.openMicrophone();
      track.addEventListener("ended", () => showMicrophone(false));
    } catch (error) {
      story.problems = [`No microphone (${error.name}): allow it for this page in the browser, or type below.`];
      drawStory();
      return;
    }
    button.classList.remove("first");
  }
  showMicrophone(!isMicrophoneOn);
}

function showMicrophone(isOn) {
  isMicrophoneOn = isOn;
  sound.isMuted = !isOn;
  $("microphone").textContent = isOn ? "Mute" : "Unmute";
  if (!isOn && socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "mute" }));
}

$("microphone").addEventListener("click", toggleMicrophone);
$("stop").addEventListener("click", () => socket.send(JSON.stringify({ type: "stop" })));
$("typing").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  sound.wake();
  socket.send(JSON.stringify({ type: "say", text }));
});

// A context made before a gesture is asleep; its rate is known all the same.
openSound().then(connect);
