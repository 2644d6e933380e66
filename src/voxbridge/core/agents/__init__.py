"""What an agent's answer says, and what is remembered of a conversation."""
