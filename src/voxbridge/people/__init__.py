"""The people around the conversation: who may be heard, who is told what, and what they have set."""
