// What has been said, as a plain state: each message of the daemon gives the next one. No page in here.

export const OUTCOMES = {
  "answered": "",
  "interrupted": "It was cut off.",
  "superseded": "You went on speaking: the words are in the next turn.",
  "nothing-said": "No words were heard.",
  "no-reply": "The agent chose not to answer.",
  "failed": "It could not answer.",
  "timed-out": "It took too long.",
  "cancelled": "It was stopped.",
};

export function emptyStory() {
  return { turns: [], live: null, problems: [] };
}

function turnOf(story, id) {
  let turn = story.turns.find((one) => one.id === id);
  if (!turn) {
    turn = { id, heard: "", answer: "", spoken: "", outcome: null, parts: [], firstAudio: null, error: null };
    story.turns.push(turn);
  }
  return turn;
}

const EVENTS = {
  speaker_started(story) {
    story.live = { text: "", isTyped: false };
  },
  partial_transcript(story, data) {
    story.live = { text: data.text ?? "", isTyped: false };
  },
  speaker_stopped(story, data) {
    if (!data.isTurn) story.live = null;
  },
  final_transcript(story, data) {
    turnOf(story, data.turnId).heard = data.text ?? "";
    story.live = null;
  },
  service_error(story, data) {
    if (data.error_type === "down") story.problems.push(`${data.service_name} is down: ${data.technical_details ?? ""}`);
  },
  service_up(story, data) {
    story.problems = story.problems.filter((line) => !line.startsWith(`${data.service_name} is down`));
  },
};

export function tell(story, message) {
  if (message.type === "event") EVENTS[message.event]?.(story, message.data ?? {});
  if (message.type === "problem") story.problems = [message.text];
  if (message.type === "turn") {
    const report = message.report;
    Object.assign(turnOf(story, report.turn_id), {
      heard: report.heard, answer: report.answer, spoken: report.spoken, outcome: report.outcome,
      parts: report.parts, firstAudio: report.first_audio, error: report.error, marks: report.marks,
    });
    story.live = null;
  }
  return story;
}

// Cut an answer into what was played and what was not. The spoken words may be written otherwise (56, fifty-six).
export function heardOf(turn) {
  if (turn.outcome === "answered" || !turn.answer) return [turn.answer, ""];
  const spoken = turn.spoken.trim();
  if (!spoken) return ["", turn.answer];
  if (turn.answer.startsWith(spoken)) return [turn.answer.slice(0, spoken.length), turn.answer.slice(spoken.length)];
  const share = Math.min(1, spoken.split(/\s+/).length / turn.answer.split(/\s+/).length);
  const words = turn.answer.split(/(?<=\s)/);
  const count = Math.round(words.length * share);
  return [words.slice(0, count).join(""), words.slice(count).join("")];
}
